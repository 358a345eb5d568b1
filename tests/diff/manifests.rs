//! What people change in manifests: what differs then, and what deploying it does.

pub type Edit = (&'static str, &'static [(&'static str, &'static str)], &'static str);

/// Of the reference stack: what was changed, how, and what is found; `!` marks what is destructive.
pub const EDITS: &[Edit] = &[
    ("a title", &[("title: n8n workflow automation", "title: n8n")], ""),
    ("a version", &[("version: 2.40.7", "version: 2.41.0")], "undeployed recreate service n8n"),
    ("memory", &[("memory: 1280MiB", "memory: 1536MiB")], "undeployed recreate service superset"),
    (
        "a variable",
        &[("MIN_CONFIDENCE: \"0.60\"", "MIN_CONFIDENCE: \"0.70\"")],
        "undeployed recreate service ocr",
    ),
    ("a rate", &[("rate: 10r/s", "rate: 20r/s")], "undeployed reload service nginx"),
    (
        "a service goes live",
        &[(
            "    url: https://mcp.insightpulseai.net\n    serve: placeholder\n",
            "    url: https://mcp.insightpulseai.net\n",
        )],
        "undeployed reload service nginx; undeployed reload site mcp.insightpulseai.net",
    ),
    (
        "a volume is renamed",
        &[("name: n8n-data, class: critical", "name: n8n-files, class: critical")],
        "undeployed data-loss service n8n!; undeployed data-loss volume n8n-data!; undeployed nothing file backup/backup.sh; undeployed nothing service backup; undeployed nothing service backup-restore; undeployed nothing volume n8n-files",
    ),
    (
        "a cache is renamed",
        &[(
            "name: ocr-models, mount: /models, class: cache",
            "name: ocr-files, mount: /models, class: cache",
        )],
        "undeployed data-loss service ocr!; undeployed data-loss volume ocr-models!; undeployed nothing volume ocr-files",
    ),
    (
        "a volume is retired and another one taken",
        &[
            ("name: n8n-data, class: critical", "name: n8n-files, class: critical"),
            (
                "\nvolumes:\n",
                "\nvolumes:\n  n8n-data: { class: deprecated, keep_until: \"2027-01-01\", reason: moved by hand }\n",
            ),
        ],
        "undeployed nothing file backup/backup.sh; undeployed nothing service backup; undeployed nothing service backup-restore; undeployed nothing volume n8n-files; undeployed recreate service n8n",
    ),
    (
        "the project is renamed",
        &[("project: deploy\n", "project: erp\n")],
        "undeployed data-loss project erp!; undeployed data-loss volume *",
    ),
    (
        "a port in the firewall",
        &[("  ssh: { port: 22 }", "  ssh: { port: 2222 }")],
        "undeployed exposure firewall nftables; undeployed nothing file firewall/doctl.sh; undeployed reload firewall digitalocean",
    ),
    (
        "another name of a site",
        &[("url: https://auth.insightpulseai.net", "url: https://login.insightpulseai.net")],
        "undeployed certificate certificate www.insightpulseai.net; undeployed nothing file dns/insightpulseai.net.zone; undeployed nothing file dns/records.md; undeployed reload service nginx; undeployed reload site login.insightpulseai.net; undeployed reload site www.insightpulseai.net",
    ),
    (
        "an option of odoo.conf",
        &[(
            "    memory: 3GiB\n    notes:",
            "    memory: 3GiB\n    settings: { limit_time_cpu: 240 }\n    notes:",
        )],
        "undeployed restart service odoo",
    ),
    (
        "another database",
        &[("name: odoo, user: odoo", "name: odoo2, user: odoo")],
        "undeployed data-loss service odoo!; undeployed nothing file backup/backup.sh; undeployed nothing file databases/main.check.sql; \
         undeployed nothing file databases/main.sh; undeployed reload file databases/main.sql; undeployed restart \
         service odoo",
    ),
];
