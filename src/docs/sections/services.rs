//! What runs, and what is announced.

use super::{View, answer, container, entry, site};
use crate::docs::document::{Line, Section, paragraph, table};
use crate::manifest::Status;
use crate::stack::{Answer, Role, Service, Stack};

pub(super) fn section(view: &View<'_>) -> Option<Section> {
    let stack = view.stack;
    let mut rows: Vec<Vec<Line>> = stack.services.iter().map(|s| row(stack, s)).collect();
    for site in stack.sites.iter().filter(|s| matches!(s.answer, Answer::Files { .. })) {
        let name = Line::new().strong(&site.service).text(format!(": {}", site.title));
        let of_proxy = stack.proxy.as_ref().and_then(|p| p.service.as_deref()).unwrap_or("nginx");
        let here = Line::from(format!("files, answered by {of_proxy}"));
        rows.push(vec![name, answer(site), host(&site.host), here, Line::new(), Line::new(), Line::new()]);
    }
    for entry in stack.entries.iter().filter(|e| e.status == Status::Planned) {
        let name =
            Line::new().strong(&entry.name).text(format!(": {}", crate::docs::topology::titled(entry)));
        let host =
            entry.url.as_deref().map_or_else(Line::new, |url| host(url.split("://").nth(1).unwrap_or(url)));
        let status = Line::new().status("off", "planned");
        rows.push(vec![name, status, host, "does not run yet".into(), Line::new(), Line::new(), Line::new()]);
    }
    let head = ["Service", "Status", "Public name", "Container", "Image", "Ports inside", "Memory limit"];
    let mut blocks: Vec<_> = table(&head, rows).into_iter().collect();
    let total: u64 = stack.services.iter().filter(|s| s.role.stays()).filter_map(memory).sum();
    if total > 0 {
        let all = crate::scalar::Bytes(total >> 20 << 20);
        let of = stack.host.memory.map(|m| format!(" of the {m} that the server has")).unwrap_or_default();
        blocks.push(paragraph(format!("All that runs all the time may take {all} together{of}.")));
    }
    Section::new("Services", blocks)
}

fn memory(service: &Service) -> Option<u64> {
    service.memory.map(|m| m.0 * u64::from(service.replicas))
}

fn host(name: &str) -> Line {
    Line::new().code(name)
}

fn row(stack: &Stack, service: &Service) -> Vec<Line> {
    let mut name = Line::new().strong(&service.name).text(format!(": {}", service.title));
    if service.replicas > 1 {
        name = name.text(format!(" (×{})", service.replicas));
    }
    let own = site(stack, &service.name).filter(|_| service.name == service.owner);
    let image = Line::new().code(&service.image.reference);
    let image = match &service.build {
        Some(build) => image.text(", built from ").code(&build.context),
        None => image,
    };
    let ports = Line::new().codes(service.listens.iter().map(u16::to_string));
    let public = match service.role {
        Role::Proxy => {
            let ports: Vec<String> = service.publish.iter().map(|p| p.host_port.to_string()).collect();
            Line::from(format!("ports {} of the server", super::listed(&ports)))
        }
        _ => own.map_or_else(Line::new, |s| host(&s.host)),
    };
    let status = match (own, service.role) {
        (Some(site), _) => answer(site),
        (None, Role::Job) => Line::new().status("off", "runs once"),
        (None, Role::Tool) => Line::new().status("off", "on request"),
        (None, _) => Line::new().status("good", "runs"),
    };
    let status = match entry(stack, &service.name).and_then(|e| e.reason.as_ref()) {
        Some(reason) => status.text(format!(" {reason}")),
        None => status,
    };
    let memory = service.memory.map_or_else(Line::new, |m| m.to_string().into());
    vec![name, status, public, Line::new().code(shown(stack, service)), image, ports, memory]
}

/// The container's name; what does not stay gets another each time.
fn shown(stack: &Stack, service: &Service) -> String {
    if service.role == Role::Tool { String::new() } else { container(stack, service) }
}
