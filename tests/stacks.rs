//! Every stack of the repository: no finding to act on, and every file as it was when somebody last looked at it.

#![allow(clippy::expect_used, clippy::panic, clippy::print_stderr, reason = "a test may say so")]

mod common;

use stackgen::finding::Level;

/// The goldens: `snapshots/build/STACK/FILE.snap`. `cargo insta review` shows what changed.
#[test]
fn every_file_is_as_it_was() {
    for (name, manifest) in common::stacks() {
        let compiled = common::built(&manifest);
        let mut settings = insta::Settings::clone_current();
        settings.set_snapshot_path(common::root().join("snapshots/build").join(&name));
        settings.set_prepend_module_to_snapshot(false);
        settings.set_omit_expression(true);
        settings.bind(|| {
            for artifact in &compiled.artifacts {
                insta::assert_snapshot!(artifact.path.replace('/', "__"), artifact.text);
            }
        });
    }
}

#[test]
fn no_stack_has_a_warning() {
    for (name, manifest) in common::stacks() {
        let compiled = common::built(&manifest);
        let bad: Vec<_> = compiled.findings.iter().filter(|f| f.level != Level::Info).collect();
        assert!(bad.is_empty(), "{name}: {bad:#?}");
    }
}

#[test]
fn an_image_is_built_by_one_service() {
    for (name, manifest) in common::stacks() {
        let compiled = common::built(&manifest);
        let compose =
            compiled.artifacts.iter().find(|a| a.path == "docker-compose.yml").expect("a compose file");
        let (mut image, mut built) = ("", Vec::new());
        for line in compose.text.lines() {
            if let Some(reference) = line.strip_prefix("    image: ") {
                image = reference;
            } else if line == "    build:" {
                assert!(!built.contains(&image), "{name}: {image} is built twice");
                built.push(image);
            }
        }
        assert_eq!(built.is_empty(), !name.starts_with("odoo-erp-prod"), "{name}: {built:?}");
    }
}

/// The text of a file that is written for the reference stack.
fn reference_file(path: &str) -> String {
    let (_, manifest) =
        common::stacks().into_iter().find(|(name, _)| name == "odoo-erp-prod").expect("the reference stack");
    let compiled = common::built(&manifest);
    compiled.artifacts.iter().find(|a| a.path == path).expect(path).text.clone()
}

/// A shell that starts a server without `exec` keeps the stop signal to itself, and the server is killed in the end.
#[test]
fn what_serves_gets_the_stop_signal() {
    let dockerfile = reference_file("superset/Dockerfile");
    assert!(dockerfile.contains("sed -i 's/^gunicorn /exec gunicorn /'"), "{dockerfile}");
    for line in reference_file("odoo/start.sh").lines().map(str::trim) {
        assert!(!line.starts_with("odoo "), "without exec: {line}");
    }
}

/// Odoo itself would also send its session over plain HTTP.
#[test]
fn the_session_of_odoo_is_for_https_only() {
    assert!(
        reference_file("nginx/nginx.conf").contains("proxy_cookie_flags session_id secure samesite=lax;")
    );
}

/// Odoo 19 takes `False` for "not given", and then its master password is `admin`; nothing at all refuses it in both.
#[test]
fn odoo_has_no_master_password() {
    assert!(reference_file("odoo/odoo.conf").contains("\nadmin_passwd =\n"));
}

#[test]
fn the_same_input_gives_the_same_bytes() {
    for (_, manifest) in common::stacks() {
        assert_eq!(common::built(&manifest).artifacts, common::built(&manifest).artifacts);
    }
}

/// What is known of the reference server is in its manifest, each fact at its place.
#[test]
fn the_reference_manifest_carries_every_fact() {
    let manifest =
        std::fs::read_to_string(common::root().join("stacks/odoo-erp-prod/stack.yaml")).expect("a manifest");
    // A comment may go on in the next line.
    let words = |text: &str| {
        text.replace("\n# ", " ").split_whitespace().collect::<Vec<_>>().join(" ").replace(" # ", " ")
    };
    let manifest = words(&manifest);
    let facts = std::fs::read_to_string(common::root().join("tests/reference_facts.tsv")).expect("the facts");
    let rows: Vec<_> = facts.lines().filter(|l| !l.starts_with('#') && !l.is_empty()).collect();
    for row in &rows {
        let columns: Vec<_> = row.split('\t').collect();
        let [place, fact, text] = columns[..] else { panic!("three columns: {row}") };
        assert!(manifest.contains(&words(text)), "{place}: {fact}: no {text:?} in the manifest");
    }
    assert!(rows.len() >= 120, "only {} facts", rows.len());
}

/// What the kinds set is what the products read: a name mistyped in a kind would be set and never read.
#[test]
fn every_variable_that_is_set_is_read() {
    use stackgen::table::{Lookup, Reading};
    let mut seen = 0;
    for (name, manifest) in common::stacks() {
        for service in &common::built(&manifest).stack.expect("a stack").services {
            let Some(table) = &service.variables else { continue };
            for env in &service.env {
                let known = match table.find(&env.name) {
                    Lookup::Known(row) | Lookup::File(row) => !matches!(row.reading, Reading::Removed(_)),
                    _ => false,
                };
                assert!(known, "{name}: {} does not read {}", service.name, env.name);
                seen += 1;
            }
        }
    }
    assert!(seen > 60, "only {seen} variables");
}

/// Docker hands a request that comes by IPv6 to a container without it through a process of its own, so that all clients
/// would share the address of the bridge; seen with a real engine by tests/engine.
#[test]
fn clients_keep_their_address_over_ipv6() {
    for (name, manifest) in common::stacks() {
        let stack = common::built(&manifest).stack.expect("a stack");
        for service in stack.services.iter().filter(|s| s.publish.iter().any(|p| !p.loopback())) {
            let on = stack.networks.iter().filter(|n| service.networks.contains(&n.key));
            assert_eq!(on.filter(|n| n.ipv6.is_some()).count(), 1, "{name}: networks of {}", service.name);
        }
    }
}
