//! Something stands in front of the proxy, but its addresses are not known.
//!
//! Every visitor would then look like that one machine: a rate limit stops all of them at once, and the logs name
//! nobody. For Cloudflare the addresses are known; any other edge has to list them.
//!
//! ```yaml flagged
//! stackgen: 1
//! name: demo
//! proxy:
//!   edge: { name: balancer }
//! services:
//!   app:
//!     image: ghcr.io/example/app:1.4.2
//!     listen: 8000
//!     url: https://app.example.com
//!     healthcheck: { http: /health, tool: curl }
//! ```
//!
//! ```yaml accepted
//! stackgen: 1
//! name: demo
//! proxy:
//!   edge: { name: balancer, addresses: [10.0.0.0/24] }
//! services:
//!   app:
//!     image: ghcr.io/example/app:1.4.2
//!     listen: 8000
//!     url: https://app.example.com
//!     healthcheck: { http: /health, tool: curl }
//! ```
