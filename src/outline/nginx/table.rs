//! What is known of nginx's directives: what identifies a repeated one, which arguments are durations, sizes or without
//! order, and a few defaults. Source: the documentation of each module at nginx.org/en/docs.

use crate::format::nginx::Directive;
use crate::outline::quantity::print_size;

/// What a directive is known by among those of its name.
pub(super) enum Known {
    /// There is one.
    Name,
    /// Its first argument.
    First,
    /// Its first argument, the name of a header, in which case means nothing.
    Header,
    /// The address in its first argument.
    Address,
    /// The argument that starts like this.
    Parameter(&'static str),
}

/// Whether the lines of a block are keys with values, not directives.
pub(super) fn has_keys(context: &str) -> bool {
    matches!(context, "map" | "geo" | "types" | "split_clients")
}

/// What a directive without a block is known by.
pub(super) fn known_by(name: &str) -> Known {
    match name {
        "add_header"
        | "add_trailer"
        | "proxy_set_header"
        | "proxy_hide_header"
        | "proxy_pass_header"
        | "grpc_set_header"
        | "fastcgi_hide_header"
        | "fastcgi_pass_header"
        | "uwsgi_hide_header" => Known::Header,
        "listen" => Known::Address,
        "limit_req" | "limit_req_zone" | "limit_conn_zone" => Known::Parameter("zone="),
        "access_log"
        | "error_log"
        | "allow"
        | "deny"
        | "include"
        | "load_module"
        | "env"
        | "log_format"
        | "server"
        | "set"
        | "set_real_ip_from"
        | "rewrite"
        | "limit_conn"
        | "fastcgi_param"
        | "uwsgi_param"
        | "scgi_param"
        | "proxy_cache_path"
        | "fastcgi_cache_path"
        | "proxy_cache_valid"
        | "proxy_cookie_path"
        | "proxy_cookie_domain"
        | "sub_filter"
        | "auth_request_set"
        | "geoip2"
        | "js_import"
        | "js_set"
        | "perl_set"
        | "proxy_redirect"
        | "ssl_conf_command"
        | "subs_filter" => Known::First,
        _ => Known::Name,
    }
}

/// The value of a directive: its arguments in one form. `named` leaves out the argument it is known by.
pub(super) fn value(context: &str, directive: &Directive, named: bool) -> String {
    let name = directive.name.as_str();
    if has_keys(context) {
        return joined(&directive.args);
    }
    let mut args: Vec<String> = directive.args.iter().map(|arg| argument(name, arg)).collect();
    match known_by(name) {
        Known::First | Known::Header | Known::Address if named && !args.is_empty() => {
            args.remove(0);
        }
        _ => {}
    }
    if name == "listen" {
        args.retain(|arg| arg != "default_server" && arg != "default");
    }
    if is_unordered(name) {
        args.sort();
        args.dedup();
    }
    joined(&args)
}

/// Arguments as one text; those that would not read as one word are quoted.
fn joined(args: &[String]) -> String {
    let quoted = |arg: &String| {
        if args.len() > 1 && (arg.is_empty() || arg.contains([' ', '\t', '\n', '"'])) {
            format!("{arg:?}")
        } else {
            arg.replace('\n', "\\n")
        }
    };
    args.iter().map(quoted).collect::<Vec<_>>().join(" ")
}

/// One argument in one form.
fn argument(name: &str, arg: &str) -> String {
    let arg = word(arg);
    if is_size(name) {
        return size(&arg).unwrap_or(arg);
    }
    if is_time(name) {
        return time(&arg).unwrap_or(arg);
    }
    if arg.eq_ignore_ascii_case("on") || arg.eq_ignore_ascii_case("off") {
        return arg.to_ascii_lowercase();
    }
    // `zone=api:10m`, `valid=10s`
    match arg.split_once('=') {
        Some((key @ ("valid" | "inactive" | "fail_timeout" | "expires" | "slow_start"), duration)) => {
            time(duration).map_or(arg.clone(), |t| format!("{key}={t}"))
        }
        Some((key @ ("zone" | "keys_zone" | "max_size" | "buffer" | "rcvbuf" | "sndbuf"), sized)) => {
            let (name, bytes) = sized.rsplit_once(':').map_or(("", sized), |(name, bytes)| (name, bytes));
            let colon = if name.is_empty() { "" } else { ":" };
            size(bytes).map_or(arg.clone(), |bytes| format!("{key}={name}{colon}{bytes}"))
        }
        _ => match arg.strip_prefix("shared:").and_then(|rest| rest.split_once(':')) {
            Some((zone, bytes)) => size(bytes).map_or(arg.clone(), |bytes| format!("shared:{zone}:{bytes}")),
            None if name == "zone" => size(&arg).unwrap_or(arg),
            None => arg,
        },
    }
}

/// A word with its variables in one form: `${host}` is `$host` unless what follows would become part of the name.
pub(super) fn word(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find("${") {
        out.push_str(&rest[..at]);
        let inside = &rest[at + 2..];
        let is_name = |c: char| c.is_ascii_alphanumeric() || c == '_';
        match inside.find('}') {
            Some(end)
                if end > 0
                    && inside[..end].chars().all(is_name)
                    && !inside[end + 1..].starts_with(is_name) =>
            {
                out.push('$');
                out.push_str(&inside[..end]);
                rest = &inside[end + 1..];
            }
            _ => {
                out.push_str("${");
                rest = inside;
            }
        }
    }
    out.push_str(rest);
    out
}

fn is_time(name: &str) -> bool {
    name.ends_with("_timeout")
        || name.ends_with("_delay")
        || matches!(
            name,
            "expires"
                | "keepalive_time"
                | "ssl_ocsp_cache_valid"
                | "open_file_cache_valid"
                | "proxy_cache_lock_age"
                | "timer_resolution"
        )
}

fn is_size(name: &str) -> bool {
    name.ends_with("_buffer_size")
        || name.ends_with("_buffers")
        || name.ends_with("_buffers_size")
        || name.ends_with("_temp_file_size")
        || name.ends_with("_temp_file_write_size")
        || name.ends_with("_min_length")
        || matches!(
            name,
            "client_max_body_size"
                | "limit_rate"
                | "limit_rate_after"
                | "directio"
                | "sendfile_max_chunk"
                | "connection_pool_size"
                | "request_pool_size"
                | "output_buffers"
                | "proxy_limit_rate"
                | "postpone_output"
        )
}

/// Directives whose arguments have no order.
fn is_unordered(name: &str) -> bool {
    name.ends_with("_next_upstream")
        || name.ends_with("_ignore_headers")
        || name.ends_with("_types")
        || name.ends_with("_use_stale")
        || matches!(name, "ssl_protocols" | "gzip_proxied" | "gzip_disable" | "listen" | "limit_req")
}

/// A duration of nginx (`60`, `1m`, `1h 30m`, `500ms`) in the largest unit that needs no fraction.
pub(super) fn time(text: &str) -> Option<String> {
    let mut milliseconds = 0u64;
    let mut rest = text.trim();
    if !rest.starts_with(|c: char| c.is_ascii_digit()) {
        return None;
    }
    while !rest.is_empty() {
        let end = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
        let number: u64 = rest[..end].parse().ok()?;
        let tail = &rest[end..];
        let (unit, after) = match tail.as_bytes() {
            [] => (1000, ""),
            [b'm', b's', ..] => (1, &tail[2..]),
            [b's', ..] => (1000, &tail[1..]),
            [b'm', ..] => (60_000, &tail[1..]),
            [b'h', ..] => (3_600_000, &tail[1..]),
            [b'd', ..] => (86_400_000, &tail[1..]),
            [b'w', ..] => (604_800_000, &tail[1..]),
            [b'M', ..] => (2_592_000_000, &tail[1..]),
            [b'y', ..] => (31_536_000_000, &tail[1..]),
            [b' ', ..] => (1000, tail),
            _ => return None,
        };
        milliseconds = milliseconds.checked_add(number.checked_mul(unit)?)?;
        rest = after.trim_start();
    }
    let units = [(86_400_000, "d"), (3_600_000, "h"), (60_000, "m"), (1000, "s")];
    let unit = units.into_iter().find(|(unit, _)| milliseconds > 0 && milliseconds.is_multiple_of(*unit));
    Some(match unit {
        Some((unit, name)) => format!("{}{name}", milliseconds / unit),
        None if milliseconds == 0 => "0".to_string(),
        None => format!("{milliseconds}ms"),
    })
}

/// A size of nginx (`1024`, `16k`, `1m`, `1g`) in the largest unit that needs no fraction.
fn size(text: &str) -> Option<String> {
    let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let shift = match &text[digits.len()..] {
        "" => 0,
        "k" | "K" => 10,
        "m" | "M" => 20,
        "g" | "G" => 30,
        _ => return None,
    };
    let number: u128 = digits.parse().ok()?;
    number.checked_mul(1 << shift).map(print_size)
}

/// Whether leaving a directive of the level `http` or above out would do the same.
pub(super) fn is_default(context: &str, name: &str, value: &str) -> bool {
    let http = [
        ("autoindex", "off"),
        ("client_body_timeout", "1m"),
        ("client_header_timeout", "1m"),
        ("client_max_body_size", "1m"),
        ("etag", "on"),
        ("gzip", "off"),
        ("gzip_comp_level", "1"),
        ("gzip_vary", "off"),
        ("keepalive_requests", "1000"),
        ("limit_req_status", "503"),
        ("limit_req_log_level", "error"),
        ("lingering_timeout", "5s"),
        ("log_not_found", "on"),
        ("merge_slashes", "on"),
        ("port_in_redirect", "on"),
        ("proxy_buffering", "on"),
        ("proxy_connect_timeout", "1m"),
        ("proxy_read_timeout", "1m"),
        ("proxy_send_timeout", "1m"),
        ("proxy_request_buffering", "on"),
        ("proxy_intercept_errors", "off"),
        ("reset_timedout_connection", "off"),
        ("send_timeout", "1m"),
        ("sendfile", "off"),
        ("server_name_in_redirect", "off"),
        ("server_tokens", "on"),
        ("ssl_session_timeout", "5m"),
        ("ssl_session_tickets", "on"),
        ("tcp_nodelay", "on"),
        ("tcp_nopush", "off"),
        ("types_hash_max_size", "1024"),
    ];
    match context {
        "http" => http.contains(&(name, value)),
        "events" => (name, value) == ("worker_connections", "512"),
        _ => false,
    }
}
