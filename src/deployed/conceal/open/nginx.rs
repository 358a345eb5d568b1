//! nginx configuration: which directives have no place for a secret.

use super::{is_in, is_name};

/// Directives whose arguments are numbers, switches, addresses, names and paths.
const DIRECTIVES: &str = "\
    absolute_redirect accept_mutex access_log alias allow auth_basic_user_file autoindex charset \
    client_body_buffer_size client_body_timeout client_header_timeout client_max_body_size daemon \
    default_type deny directio error_log error_page etag expires fastcgi_pass grpc_pass gzip gzip_comp_level \
    gzip_min_length gzip_proxied gzip_static gzip_types gzip_vary http2 http3 if_modified_since include \
    index internal ip_hash keepalive keepalive_requests keepalive_timeout large_client_header_buffers \
    least_conn limit_conn limit_conn_status limit_conn_zone limit_rate limit_req limit_req_log_level \
    limit_req_status limit_req_zone listen load_module log_not_found merge_slashes multi_accept \
    open_file_cache pid port_in_redirect proxy_buffer_size proxy_buffering proxy_buffers \
    proxy_busy_buffers_size proxy_cache proxy_cache_path proxy_cache_valid proxy_connect_timeout \
    proxy_headers_hash_bucket_size proxy_headers_hash_max_size proxy_hide_header proxy_http_version \
    proxy_intercept_errors proxy_max_temp_file_size proxy_next_upstream proxy_next_upstream_timeout \
    proxy_next_upstream_tries proxy_pass proxy_pass_header proxy_pass_request_headers proxy_protocol \
    proxy_read_timeout proxy_redirect proxy_request_buffering proxy_send_timeout proxy_ssl_server_name \
    proxy_ssl_verify quic_retry random real_ip_header real_ip_recursive recursive_error_pages \
    reset_timedout_connection resolver resolver_timeout root satisfy send_timeout sendfile server \
    server_name server_name_in_redirect server_names_hash_bucket_size server_tokens set_real_ip_from ssl \
    ssl_certificate ssl_certificate_key ssl_ciphers ssl_client_certificate ssl_conf_command ssl_dhparam \
    ssl_early_data ssl_ecdh_curve ssl_prefer_server_ciphers ssl_protocols ssl_reject_handshake \
    ssl_session_cache ssl_session_tickets ssl_session_timeout ssl_stapling ssl_stapling_verify \
    ssl_trusted_certificate ssl_verify_client ssl_verify_depth stub_status tcp_nodelay tcp_nopush try_files \
    types_hash_max_size underscores_in_headers user uwsgi_pass variables_hash_max_size worker_connections \
    worker_processes worker_rlimit_nofile worker_shutdown_timeout zone";

/// Blocks and headers that are known by name only.
const BLOCKS: &str = "\
    events http server location upstream types stream limit_except map geo";
const HEADERS: &str = "\
    add_header proxy_set_header add_trailer fastcgi_param uwsgi_param grpc_set_header";

/// Headers whose values are no secret.
const PUBLIC_HEADERS: &str = "\
    host connection upgrade x-real-ip x-forwarded-for x-forwarded-proto x-forwarded-host x-forwarded-port \
    strict-transport-security x-content-type-options x-frame-options referrer-policy permissions-policy \
    cache-control alt-svc vary x-robots-tag cross-origin-opener-policy cross-origin-resource-policy";

/// Whether the value of a directive is kept; the keys are its blocks and itself.
pub(super) fn is_value(keys: &[&str], text: &str) -> bool {
    let Some((step, blocks)) = keys.split_last() else { return false };
    if blocks.last().is_some_and(|b| is_table(b)) {
        return false;
    }
    let (name, rest) = step.split_once(' ').unwrap_or((step, ""));
    let plain_words = |text: &str| {
        let part_of_a_word = |b: u8| b.is_ascii_alphanumeric() || b" []\",:/._-${}|*".contains(&b);
        text.bytes().all(part_of_a_word)
    };
    match name {
        // A query may hold a token.
        _ if text.contains('?') => false,
        "return" => {
            plain_words(text) && {
                let bare = text.replace(['[', ']', '"', ','], " ");
                let mut words = bare.split_whitespace();
                words.next().is_some_and(|w| w.len() == 3 && w.bytes().all(|b| b.is_ascii_digit()))
                    && words.all(|w| {
                        w.starts_with("https://")
                            || w.starts_with("http://")
                            || w.starts_with(['/', '$', '@'])
                    })
            }
        }
        _ if is_in(HEADERS, name) => {
            is_in(PUBLIC_HEADERS, &rest.to_ascii_lowercase())
                || text.starts_with('$') && text[1..].bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
        }
        "order" => *step == "order of location",
        "default" => step.starts_with("default server of "),
        _ => is_in(DIRECTIVES, name),
    }
}

/// Whether a block or directive is kept, with the arguments that it is known by.
pub(super) fn is_step(blocks: &[&str], step: &str) -> bool {
    if blocks.last().is_some_and(|b| is_table(b)) {
        return matches!(step, "default" | "hostnames" | "volatile");
    }
    let (name, rest) = step.split_once(' ').unwrap_or((step, ""));
    if step.contains('?') && name != "location" {
        return false;
    }
    match name {
        "order" | "default" => true,
        _ if rest.is_empty() => is_name(name),
        _ if is_in(HEADERS, name) => is_name(rest),
        "set" => rest.starts_with('$') && is_name(&rest[1..]),
        _ => is_in(BLOCKS, name) || is_in(DIRECTIVES, name),
    }
}

/// Whether the keys in a block are what is looked up, which may be tokens.
fn is_table(block: &str) -> bool {
    ["map", "geo", "split_clients"].contains(&block.split(' ').next().unwrap_or_default())
}
