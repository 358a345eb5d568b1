//! n8n sends its events as a stream, and the proxy holds them back.
//!
//! With `N8N_PUSH_BACKEND=sse` the editor waits for an answer that never ends. A proxy that buffers it sends nothing until
//! its buffer is full, so the editor shows no progress. Websockets, the default, are not buffered.
//! Source: <https://nginx.org/en/docs/http/ngx_http_proxy_module.html#proxy_buffering>
//!
//! ```yaml flagged
//! stackgen: 1
//! name: demo
//! services:
//!   n8n:
//!     kind: n8n
//!     url: https://n8n.example.com
//!     env: { N8N_PUSH_BACKEND: sse }
//!     routes: [{ path: /rest/push, websocket: true, buffering: true }]
//! ```
//!
//! ```yaml accepted
//! stackgen: 1
//! name: demo
//! services:
//!   n8n:
//!     kind: n8n
//!     url: https://n8n.example.com
//!     env: { N8N_PUSH_BACKEND: sse }
//! ```

use super::common::{by_name, proxied, route_place, variable};
use crate::finding::Finding;
use crate::stack::Stack;

const PUSH: &str = "/rest/push";

pub(super) fn check(stack: &Stack, out: &mut Vec<Finding>) {
    let services = by_name(stack);
    for site in &stack.sites {
        let taken = proxied(site).find(|(r, ..)| PUSH.starts_with(r.path.as_str()));
        let Some((route, name, _)) = taken.filter(|(r, ..)| r.buffering) else { continue };
        let Some(service) = services.get(name).filter(|s| s.kind == "n8n") else { continue };
        let stream = variable(service, "N8N_PUSH_BACKEND").and_then(|e| e.value.plain());
        if stream.as_deref() == Some("sse") {
            let message = format!("`{}` holds back the events of `{name}`", route.path);
            out.push(Finding::warning("streaming-route-buffered", route_place(route, site), message).help(
                "switch buffering off for this path (`buffering: false`, in nginx `proxy_buffering off`)",
            ));
        }
    }
}
