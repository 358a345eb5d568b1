//! Public names and what answers them.

use super::facts::Draft;
use super::{Resolver, at, in_kind};
use crate::expr;
use crate::finding::{Finding, Place};
use crate::kinds::UsedAs;
use crate::manifest::{Route as WrittenRoute, Serve, Status};
use crate::scalar::{Bytes, Seconds};
use crate::stack::{Action, Answer, Origin, Raw, Route, Site};

impl Resolver<'_> {
    /// Adds the site of a service, or its routes to the site of the same host name.
    pub(super) fn site(&mut self, draft: &Draft<'_>) {
        let service = draft.service;
        let place = at(["services", draft.name, "url"]);
        let Some(url) = &service.url else {
            self.without_url(draft);
            return;
        };
        if url.port().is_some_and(|p| p != if url.https() { 443 } else { 80 }) {
            self.out.push(
                Finding::error(
                    "schema-mismatch",
                    place.clone(),
                    format!("expected port 80 or 443, found `{}`", url.as_str()),
                )
                .help("the proxy listens on 80 and 443; the port of the service itself is `listen`"),
            );
            return;
        }
        let answer = match (service.status, service.serve, draft.kind.used_as) {
            (Status::Planned, ..) => Answer::Placeholder { status: Status::Planned },
            (_, Serve::Placeholder, _) => Answer::Placeholder { status: Status::Active },
            (.., UsedAs::Site) => {
                let Some(root) = &service.root else {
                    self.out.push(
                        Finding::error(
                            "schema-mismatch",
                            at(["services", draft.name]).on_key(),
                            "a static site needs its `root`",
                        )
                        .help("add `root:` with the directory of the files"),
                    );
                    return;
                };
                Answer::Files { root: root.0.clone() }
            }
            _ => Answer::Live,
        };
        let routes = if answer == Answer::Live || matches!(answer, Answer::Files { .. }) {
            self.routes(draft, url.path(), matches!(answer, Answer::Files { .. }))
        } else {
            Vec::new()
        };
        let raw = service
            .nginx
            .as_ref()
            .map(|text| Raw { text: text.clone(), place: at(["services", draft.name, "nginx"]) });
        let headers = service.headers.iter().map(|(n, v)| (n.0.clone(), v.to_string())).collect::<Vec<_>>();
        let facts = &draft.facts.service;
        let guard = if answer == Answer::Live { self.guard(draft, url.path()) } else { Default::default() };
        if let Some(site) = self.hosts.get(url.host()).map(|i| &mut self.stack.sites[*i]) {
            if site.answer == Answer::Live && answer == Answer::Live && !url.path().is_empty() {
                for (key, written) in [("headers", !headers.is_empty()), ("nginx", raw.is_some())] {
                    if written {
                        let place = at(["services", draft.name, key]).on_key();
                        let message =
                            format!("`{key}` belongs to a whole site, and this one is `{}`'s", site.service);
                        self.out.push(
                            Finding::error("schema-mismatch", place, message)
                                .related(site.place.clone(), "the site")
                                .help("write it at a route of this service, or at that one"),
                        );
                    }
                }
                site.routes.extend(routes);
                sort(&mut site.routes);
                site.body_size = site.body_size.max(Bytes(facts.body_size));
                site.guard.join(guard);
                return;
            }
            let other = site.place.clone();
            self.out.push(
                Finding::error(
                    "duplicate-route",
                    place,
                    format!("`{}` already belongs to another service", url.host()),
                )
                .related(other, "claimed here")
                .help("give one of them another host name, or a path of its own: https://host/path"),
            );
            return;
        }
        self.hosts.insert(url.host().to_string(), self.stack.sites.len());
        self.stack.sites.push(Site {
            service: draft.name.to_string(),
            title: service.title.as_ref().map_or_else(|| draft.kind.title.to_string(), ToString::to_string),
            host: url.host().to_string(),
            aliases: service.aliases.iter().map(ToString::to_string).collect(),
            https: url.https(),
            certificate: None,
            answer,
            routes,
            body_size: Bytes(facts.body_size),
            read_timeout: Seconds(facts.read_timeout),
            headers,
            raw,
            guard,
            place,
        });
    }

    fn without_url(&mut self, draft: &Draft<'_>) {
        let service = draft.service;
        if draft.kind.used_as == UsedAs::Site || service.status == Status::Planned && service.kind.is_none() {
            self.out.push(
                Finding::error("schema-mismatch", at(["services", draft.name]).on_key(), "expected a `url`")
                    .help("add `url:` with the public address"),
            );
        }
        for (key, written) in [
            ("routes", !service.routes.is_empty()),
            ("aliases", !service.aliases.is_empty()),
            ("headers", !service.headers.is_empty()),
            ("nginx", service.nginx.is_some()),
        ] {
            if written {
                self.out.push(
                    Finding::error(
                        "schema-mismatch",
                        at(["services", draft.name, key]).on_key(),
                        format!("`{key}` has no effect without a `url`"),
                    )
                    .help("add `url:`, or remove this"),
                );
            }
        }
    }

    /// The routes of a service: those of its kind, with those of the manifest over and beside them.
    fn routes(&mut self, draft: &Draft<'_>, prefix: &str, files: bool) -> Vec<Route> {
        let scope = expr::scope(&draft.facts, &self.shared);
        let mut routes: Vec<Route> = Vec::new();
        let kind_name = draft.kind.kind.to_string();
        for group in &draft.kind.service.routes {
            match group.when.as_deref().map_or(Ok(true), |w| self.expander.holds(w, &scope)) {
                Ok(false) => {}
                Ok(true) => {
                    for written in &group.routes {
                        let origin = Origin::Kind(kind_name.clone());
                        let base =
                            self.blank(draft, full_path(prefix, written), Some(written), files, origin);
                        let place = in_kind(&kind_name, &["service", "routes"]);
                        routes.extend(base.and_then(|b| self.apply(b, written, place)));
                    }
                }
                Err(error) => {
                    let place = in_kind(&kind_name, &["service", "routes"]);
                    self.bad_expression(place, group.when.as_deref().unwrap_or(""), &error);
                }
            }
        }
        for (i, written) in draft.service.routes.iter().enumerate() {
            let place = at(["services", draft.name, "routes"]).join(i);
            let path = full_path(prefix, written);
            let exact = written.exact.unwrap_or(false);
            let found = routes.iter().position(|r| r.path == path && r.exact == exact);
            if let Some(found) = found
                && let Origin::Manifest(other) = routes[found].origin.clone()
            {
                self.out.push(
                    Finding::error("duplicate-route", place, format!("path `{path}` is written twice"))
                        .related(other, "also written here")
                        .help("put both into one entry"),
                );
                continue;
            }
            let base = match found {
                Some(found) => Some(routes.remove(found)),
                None => self.blank(draft, path, Some(written), files, Origin::Manifest(place.clone())),
            };
            if let Some(mut route) = base.and_then(|b| self.apply(b, written, place.clone())) {
                route.origin = Origin::Manifest(place);
                routes.push(route);
            }
        }
        if !routes.iter().any(|r| r.path == full_path_of(prefix, "/") && !r.exact) {
            let origin = Origin::Manifest(at(["services", draft.name, "url"]));
            routes.extend(self.blank(draft, full_path_of(prefix, "/"), None, files, origin));
        }
        sort(&mut routes);
        routes
    }

    /// A route that says nothing yet: to the service's own port.
    fn blank(
        &mut self,
        draft: &Draft<'_>,
        path: String,
        written: Option<&WrittenRoute>,
        files: bool,
        origin: Origin,
    ) -> Option<Route> {
        let goes_elsewhere = written.is_some_and(|w| w.deny == Some(true) || w.redirect.is_some());
        let port = written.and_then(|w| w.port).map(|p| p.0);
        let action = match port.or(draft.facts.service.port) {
            _ if files => Action::Files,
            Some(port) => Action::Proxy { service: draft.name.to_string(), port },
            None if goes_elsewhere => Action::Deny,
            None => {
                let place = at(["services", draft.name, "url"]);
                // One finding for the service, however many routes it has.
                if !self.out.iter().any(|f| f.place == place) {
                    self.out.push(
                        Finding::error(
                            "upstream-not-listening",
                            place,
                            format!("`{}` has a URL but no port", draft.name),
                        )
                        .help("add `listen:` with the port the service listens on"),
                    );
                }
                return None;
            }
        };
        Some(Route {
            path,
            exact: written.and_then(|w| w.exact).unwrap_or(false),
            action,
            websocket: false,
            rate_limit: None,
            body_size: None,
            read_timeout: None,
            buffering: true,
            expires: None,
            allow_from: Vec::new(),
            headers: Vec::new(),
            raw: None,
            origin,
        })
    }

    /// Writes what is said over a route.
    fn apply(&mut self, mut route: Route, written: &WrittenRoute, place: Place) -> Option<Route> {
        if let Some(port) = written.port
            && let Action::Proxy { port: old, .. } = &mut route.action
        {
            *old = port.0;
        }
        if let Some(limit) = &written.rate_limit {
            if !self.stack.rate_limits.iter().any(|l| l.name == limit.as_str()) {
                let known: Vec<String> = self.stack.rate_limits.iter().map(|l| l.name.clone()).collect();
                let known: Vec<&str> = known.iter().map(String::as_str).collect();
                self.undefined(place.join("rate_limit"), "rate limit", limit.as_str(), &known);
            }
            route.rate_limit = Some(limit.to_string());
        }
        if written.deny == Some(true) {
            route.action = Action::Deny;
        }
        if let Some(target) = &written.redirect {
            route.action = Action::Redirect(target.0.clone());
        }
        route.websocket = written.websocket.unwrap_or(route.websocket);
        route.body_size = written.body_size.or(route.body_size);
        route.read_timeout = written.read_timeout.or(route.read_timeout);
        route.buffering = written.buffering.unwrap_or(route.buffering);
        route.expires = written.expires.or(route.expires);
        if let Some(from) = &written.allow_from {
            route.allow_from = from.iter().map(ToString::to_string).collect();
        }
        route.headers.extend(written.headers.iter().map(|(n, v)| (n.0.clone(), v.to_string())));
        if let Some(text) = &written.nginx {
            route.raw = Some(Raw { text: text.clone(), place: place.join("nginx") });
        }
        Some(route)
    }
}

/// Most specific first; ties keep the order they were written in.
fn sort(routes: &mut [Route]) {
    routes.sort_by(|a, b| b.exact.cmp(&a.exact).then(b.path.len().cmp(&a.path.len())));
}

fn full_path(prefix: &str, written: &WrittenRoute) -> String {
    full_path_of(prefix, written.path.as_str())
}

/// A route's path below the path of the service's URL.
pub(super) fn full_path_of(prefix: &str, path: &str) -> String {
    if prefix.is_empty() { path.to_string() } else { format!("{prefix}{path}") }
}
