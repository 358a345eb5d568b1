//! What a kind says for the web application firewall and the limits of logins.

use schemars::JsonSchema;
use serde::Deserialize;

use crate::manifest::AbsolutePath;
use crate::scalar::{Bytes, Line, UrlPath, Version};

/// What the web application firewall has to know about a product.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
pub struct KindWaf {
    /// Methods its clients use beside GET, HEAD, POST and OPTIONS.
    #[serde(default)]
    pub methods: Vec<Line>,
    /// Types of request bodies it takes beside forms, JSON and XML.
    #[serde(default)]
    pub content_types: Vec<Line>,
    /// Largest request body that is read; of a larger one only its beginning is. Default: 1 MiB.
    pub read_limit: Option<Bytes>,
    /// Names of arguments that hold passwords: they are neither looked at nor logged.
    #[serde(default)]
    pub secrets: Vec<Line>,
    /// What is not looked for, and where; as narrow as it can be.
    #[serde(default)]
    pub exclusions: Vec<KindExclusion>,
}

/// What is not looked for, and where.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
pub struct KindExclusion {
    /// Path; everything below it too.
    pub path: UrlPath,
    /// Classes of attacks, as the Core Rule Set tags its rules `attack-sqli`: `[sqli, xss]`; `[all]` for every rule.
    #[serde(default)]
    pub attacks: Vec<Line>,
    /// Parts of the request. Default: ARGS, the values of arguments, also those in JSON. REQUEST_BODY is the raw text.
    #[serde(default)]
    pub targets: Vec<Line>,
    /// Why.
    pub reason: Line,
}

/// Where a password can be tried: a POST to this path.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
pub struct KindLogin {
    /// The path.
    pub path: UrlPath,
    /// A language may stand before it: `/fr/web/login`.
    #[serde(default)]
    pub localized: bool,
}

/// ModSecurity and the Core Rule Set, as a proxy has them.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
pub struct CoreRuleSet {
    /// Module that nginx loads; none where the system's own configuration loads it.
    pub module: Option<AbsolutePath>,
    /// Directory of the rules.
    pub rules: AbsolutePath,
    /// Version of nginx beside it, where the kind's version is another program's.
    pub nginx: Option<Version>,
}
