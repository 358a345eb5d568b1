//! The arguments: types only, from which help, man pages and completions come too.

use std::ffi::OsStr;
use std::path::PathBuf;

use clap::builder::{EnumValueParser, PossibleValue, TypedValueParser};
use clap::{Arg, ArgGroup, Args, Command, Parser, Subcommand, ValueEnum};

/// One typed stack manifest in; docker-compose.yml, nginx, odoo.conf, certbot and firewall files out.
///
/// A stack is a folder with a manifest, stack.yaml or stack.toml. It is compiled into every file its server needs, and
/// the files are checked against one another first.
#[derive(Debug, Parser)]
#[command(name = "stackgen", version, disable_help_subcommand = true, arg_required_else_help = true)]
#[command(after_help = "\
Examples:
  stackgen init shop --domain example.com odoo postgres
  stackgen build shop
  stackgen lint
  stackgen explain services.odoo.routes
  stackgen why deploy/nginx/nginx.conf:233

Exit status: 0 all is well, 1 findings or differences, 2 it could not be done or not all could be seen.")]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub verb: Verb,

    /// When to use colours; NO_COLOR and CLICOLOR_FORCE count too
    #[arg(long, global = true, value_enum, value_name = "WHEN", default_value_t = Color::Auto)]
    pub color: Color,

    /// Print only findings and errors
    #[arg(short, long, global = true)]
    pub quiet: bool,
}

/// When to use colours.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub enum Color {
    /// On a terminal
    #[default]
    Auto,
    /// Always
    Always,
    /// Never
    Never,
}

/// What can be done.
#[derive(Debug, Subcommand)]
pub enum Verb {
    /// Write the files of a stack
    ///
    /// All files are written or none. A file that was edited by hand since the last build is not replaced: it is shown
    /// what differs, and `--force` replaces it.
    #[command(after_help = "\
Examples:
  stackgen build                      the stack in this folder, else the only one under stacks/
  stackgen build stacks/shop          files go to stacks/shop/deploy
  stackgen build --env staging        with stack.staging.yaml laid over the manifest
  stackgen build --check              are the files up to date? for pull requests

Exit status: 0 written or up to date, 1 findings of level error, edited files or `--check` found differences,
2 something could not be read or written.")]
    Build(Build),

    /// Write the document about a stack: Markdown, a page and a picture
    ///
    /// INFRASTRUCTURE.md, infrastructure.html, which needs nothing else and no network, and topology.svg, all made from
    /// the manifest: services, data, routes, certificates, secrets by name, and the commands for every day with the names
    /// of this stack. No secret value is in them. They are written as `build` writes: all or none, and never over one that
    /// was edited by hand.
    #[command(after_help = "\
Examples:
  stackgen docs                       the stack in this folder; files go to docs/ beside the manifest
  stackgen docs stacks/shop           files go to stacks/shop/docs
  stackgen docs --env staging -o staging-docs
  stackgen docs --check               are they up to date? for pull requests

Exit status: 0 written or up to date, 1 findings of level error, edited files or `--check` found differences,
2 something could not be read or written.")]
    #[command(mut_arg("output", |arg| arg.help("Folder to write to [default: docs beside the manifest]")))]
    Docs(Build),

    /// Check every stack below some folders
    #[command(after_help = "\
Examples:
  stackgen lint                               every stack below this folder
  stackgen lint stacks/shop                   one stack
  stackgen lint /srv/legacy                   Compose, nginx and odoo.conf files that stackgen did not write
  stackgen lint --fix                         mends what can be mended for certain, and keeps comments and layout
  stackgen lint --diff --unsafe-fixes         shows what could be mended, and changes nothing
  stackgen lint --since origin/main           only what the branch brings
  stackgen lint --format github --format sarif=lint.sarif
  stackgen lint --format json                 `stackgen schema findings` describes it
  stackgen lint --write-baseline lint.yaml    what is there today; from then on
  stackgen lint --baseline lint.yaml          only what is new
  stackgen lint --select NX,secret-literal    only some rules; for good: stackgen-policy.yaml at the root
                                              of the repository, see `stackgen schema policy`

Exit status: 0 nothing but notes, 1 errors or warnings, 2 something could not be read.")]
    Lint(Lint),

    /// Say what differs on the server, and what deploying does to it
    ///
    /// Compares what the manifest makes with what is really there, by meaning and not by text. Each difference is
    /// undeployed (the manifest moved since the last build that was deployed), drift (the server moved), both, or
    /// undeclared (nobody ever wrote it down), and says what it costs: nothing, a reload, a restart, a new container, a
    /// certificate, a network outage, exposure to the internet, or data. Nothing is ever written: sources can only be
    /// read. Of a secret nothing is shown but that it changed.
    ///
    /// Sources: a directory, `ssh://[user@]host/dir`, `docker://`, `docker+ssh://[user@]host`, a snapshot (FILE.json),
    /// `firewall:FILE` (doctl compute firewall list -o json) and `certificates:DIR`. Several are looked at together.
    #[command(after_help = "\
Examples:
  stackgen diff                               against the `ssh` and `directory` of `host` in the manifest
  stackgen diff stacks/shop --against ./srv   against a copy of the deploy directory
  stackgen diff --against ssh://root@shop/opt/shop --against docker+ssh://root@shop
  stackgen diff --against docker:// --against firewall:rules.json
  stackgen diff --format markdown             a comment for a pull request
  stackgen diff --format json                 for programs; `stackgen schema diff` describes it
  stackgen diff --show-commands               what would be run on the server, and nothing else

Exit status: 0 in sync, 1 differences, 2 something could not be read: whatever was found, more may differ.
With --detailed-exitcode instead of 1: 3 undeployed changes of the manifest only, 4 drift only, 5 both, 6 something
destructive is among them.")]
    Diff(Diff),

    /// Record what is on a server, without any secret value
    ///
    /// Reads only: files are opened to read, engines are asked by GET, and `--show-commands` lists every command that is
    /// sent to other machines. Values that may be secrets are kept as fingerprints.
    #[command(after_help = "\
Sources:
  DIR                                 a deploy directory
  ssh://[user@]host[:port]/dir        the same on another machine, with your own ssh and its configuration
  docker://, docker:///path.sock      a Docker engine; DOCKER_HOST counts
  docker+ssh://[user@]host[:port]     the same on another machine
  FILE.json                           another snapshot
  firewall:FILE, firewall:-           the output of `doctl compute firewall list -o json`
  certificates:DIR                    certificates in PEM, as in /etc/letsencrypt/live

Examples:
  stackgen snapshot ssh://root@shop/opt/shop/deploy docker+ssh://root@shop -o shop.json
  stackgen snapshot deploy docker:// --stack . -o -
  doctl compute firewall list -o json | stackgen snapshot firewall:- -o firewall.json

Exit status: 0 everything was read, 1 the stack has errors, 2 not everything could be read; what could is written.")]
    Snapshot(Snapshot),

    /// Explain a rule, a kind of service, a target or a part of the manifest
    #[command(after_help = "\
Examples:
  stackgen explain unknown-key        a rule, by name or id
  stackgen explain n8n                a kind: options, ports, volumes, variables
  stackgen explain compose            a target
  stackgen explain services.odoo.routes")]
    Explain(Explain),

    /// Say what made a line of a file, or which lines a line of the manifest made
    ///
    /// An error message of nginx, Compose, nft, certbot or Odoo about a file that stackgen wrote can be piped in: it is
    /// answered with the place of the manifest.
    #[command(after_help = "\
Examples:
  stackgen why deploy/nginx/nginx.conf:233     what made this line
  stackgen why docker-compose.yml              the parts of a file
  stackgen why stack.yaml:12                   the lines that this line made
  stackgen why /etc/odoo/odoo.conf:25          as the path is in the container
  docker compose logs nginx 2>&1 | stackgen why -

Exit status: 0 found, 1 nothing found, 2 it could not be done.")]
    Why(Why),

    /// Print a JSON Schema, for editors
    #[command(after_help = "\
Examples:
  stackgen schema > stack.schema.json
  stackgen schema kind                of kinds/NAME.yaml
  stackgen schema overlay             of stack.ENV.yaml
  stackgen schema findings            of what `stackgen lint --format json` prints
  stackgen schema policy              of stackgen-policy.yaml
  stackgen schema model               of what the expressions in it see
  stackgen schema diff                of what `stackgen diff --format json` prints
  stackgen schema snapshot            of what `stackgen snapshot` writes

An editor with the YAML language server finds the schema by the first line of a manifest:
  # yaml-language-server: $schema=stack.schema.json")]
    Schema(Schema),

    /// Write a manifest to start from
    #[command(after_help = "\
Examples:
  stackgen init shop --domain example.com odoo postgres
  stackgen init --domain example.com n8n
  stackgen init site --domain example.com static

A database or a redis is added where a kind needs one.")]
    Init(Init),

    /// Print completions for a shell
    #[command(after_help = "\
Examples:
  stackgen completions bash > ~/.local/share/bash-completion/completions/stackgen
  stackgen completions zsh > ~/.zfunc/_stackgen
  stackgen completions fish > ~/.config/fish/completions/stackgen.fish")]
    Completions(Completions),

    /// Print the manual page
    #[command(after_help = "\
Examples:
  stackgen man > ~/.local/share/man/man1/stackgen.1
  stackgen man build > ~/.local/share/man/man1/stackgen-build.1")]
    Man(Man),
}

/// Arguments of `build`.
#[derive(Debug, Args)]
pub struct Build {
    /// Manifest or its folder [default: the stack here, else the only one under stacks/]
    pub stack: Option<PathBuf>,
    /// Folder to write to [default: deploy beside the manifest]
    #[arg(short, long, value_name = "DIR")]
    pub output: Option<PathBuf>,
    /// Lay stack.NAME.yaml (or .toml) over the manifest
    #[arg(long, value_name = "NAME")]
    pub env: Option<String>,
    /// Write nothing; exit with 1 if something would be written
    #[arg(long)]
    pub check: bool,
    /// Replace files that were edited by hand
    #[arg(long, conflicts_with = "check")]
    pub force: bool,
}

/// Arguments of `lint`.
#[derive(Debug, Args)]
#[command(group = ArgGroup::new("mending").args(["fix", "diff"]))]
pub struct Lint {
    /// Manifests, and folders to look for them, or for Compose files, in [default: this folder]
    #[arg(value_name = "PATH")]
    pub paths: Vec<PathBuf>,
    /// Ask the rules of taste too: digests of images, hardening of every container
    #[arg(long)]
    pub pedantic: bool,
    /// How to print the findings, and a file to write them to; can be given several times
    #[arg(long, value_name = "FORMAT[=FILE]", default_value = "text", value_parser = SinkParser)]
    pub format: Vec<Sink>,
    /// Print how often each rule found something instead of each finding
    #[arg(long)]
    pub statistics: bool,
    /// Only findings of these rules: names, ids, or the letters of a group such as NX
    #[arg(long, value_name = "RULE", value_delimiter = ',')]
    pub select: Vec<String>,
    /// No findings of these rules
    #[arg(long, value_name = "RULE", value_delimiter = ',')]
    pub ignore: Vec<String>,
    /// Only findings that are not listed in this file
    #[arg(long, value_name = "FILE")]
    pub baseline: Option<PathBuf>,
    /// List the findings in this file, for `--baseline`
    #[arg(long, value_name = "FILE", conflicts_with_all = ["baseline", "since", "select", "ignore"])]
    pub write_baseline: Option<PathBuf>,
    /// Only findings that were not there at this revision of git, or where HEAD left it
    #[arg(long, value_name = "REV")]
    pub since: Option<String>,
    /// Lay stack.NAME.yaml (or .toml) over the manifests that have one
    #[arg(long, value_name = "NAME")]
    pub env: Option<String>,
    /// Mend what can be mended for certain, and show what is left
    #[arg(long)]
    pub fix: bool,
    /// Print what `--fix` would change, and change nothing; exit with 1 if it would change something
    #[arg(long, conflicts_with_all = ["format", "statistics", "write_baseline"])]
    pub diff: bool,
    /// With `--fix` or `--diff`: mend also what somebody should look at afterwards
    #[arg(long, requires = "mending")]
    pub unsafe_fixes: bool,
}

/// How findings are printed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// For people
    #[default]
    Text,
    /// One line for each: path:line:column: level[ID] name: message
    Oneline,
    /// One JSON array
    Json,
    /// SARIF 2.1.0, for code scanning
    Sarif,
    /// Annotations of a GitHub workflow, and a summary of its step
    Github,
    /// Code quality report of GitLab
    Gitlab,
}

/// A format, and where it goes: standard output when there is no file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sink {
    /// How findings are printed.
    pub format: Format,
    /// The file they are written to.
    pub file: Option<PathBuf>,
}

/// Reads `FORMAT[=FILE]`, and tells help and completions which formats there are.
#[derive(Debug, Clone, Copy)]
pub struct SinkParser;

impl TypedValueParser for SinkParser {
    type Value = Sink;

    fn parse_ref(&self, cmd: &Command, arg: Option<&Arg>, value: &OsStr) -> Result<Sink, clap::Error> {
        let text = value.to_string_lossy();
        let (format, file) = match text.split_once('=') {
            Some((format, "")) => {
                let what = format!("expected a file after `{format}=`");
                return Err(cmd.clone().error(clap::error::ErrorKind::InvalidValue, what));
            }
            Some((format, file)) => (format, Some(PathBuf::from(file))),
            None => (&*text, None),
        };
        let format = EnumValueParser::<Format>::new().parse_ref(cmd, arg, OsStr::new(format))?;
        Ok(Sink { format, file })
    }

    fn possible_values(&self) -> Option<Box<dyn Iterator<Item = PossibleValue> + '_>> {
        Some(Box::new(Format::value_variants().iter().filter_map(Format::to_possible_value)))
    }
}

/// Arguments of `diff`.
#[derive(Debug, Args)]
pub struct Diff {
    /// Manifest or its folder [default: the stack here, else the only one under stacks/]
    pub stack: Option<PathBuf>,
    /// Lay stack.NAME.yaml (or .toml) over the manifest
    #[arg(long, value_name = "NAME")]
    pub env: Option<String>,
    /// What to compare with; may be given several times [default: `ssh` and `directory` of `host` in the manifest]
    #[arg(long, value_name = "SOURCE")]
    pub against: Vec<String>,
    /// How to print the differences
    #[arg(long, value_enum, value_name = "FORMAT", default_value_t = DiffFormat::Text)]
    pub format: DiffFormat,
    /// Say by the exit status which side moved
    #[arg(long)]
    pub detailed_exitcode: bool,
    /// Print what would be run or asked for, and do nothing
    #[arg(long)]
    pub show_commands: bool,
}

/// How differences are printed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub enum DiffFormat {
    /// For people
    #[default]
    Text,
    /// One JSON object
    Json,
    /// A comment on a pull request
    Markdown,
    /// Annotations of GitHub Actions
    Github,
}

/// Arguments of `snapshot`.
#[derive(Debug, Args)]
pub struct Snapshot {
    /// What to read
    #[arg(value_name = "SOURCE", required = true)]
    pub sources: Vec<String>,
    /// File to write to; - is standard output
    #[arg(short, long, value_name = "FILE", default_value = "-")]
    pub output: PathBuf,
    /// Manifest or its folder: what it says itself is no secret, and is kept readable
    #[arg(long)]
    pub stack: Option<PathBuf>,
    /// Lay stack.NAME.yaml (or .toml) over the manifest
    #[arg(long, value_name = "NAME", requires = "stack")]
    pub env: Option<String>,
    /// Key for the fingerprints, so that those of several snapshots can be compared [default: a new one each time]
    #[arg(long, value_name = "FILE")]
    pub fingerprint_key: Option<PathBuf>,
    /// Read nothing; print every command and request there would be
    #[arg(long)]
    pub show_commands: bool,
}

/// Arguments of `explain`.
#[derive(Debug, Args)]
pub struct Explain {
    /// Rule, kind, target or path in the manifest
    #[arg(value_name = "RULE|KIND|TARGET|PATH")]
    pub topic: String,
}

/// Arguments of `why`.
#[derive(Debug, Args)]
pub struct Why {
    /// File that was written, or manifest, with a line; `-` reads messages [default: - when something is piped in]
    #[arg(value_name = "FILE[:LINE]")]
    pub what: Option<String>,
    /// Manifest or its folder [default: above the file, else the stack here, else the only one under stacks/]
    #[arg(long, value_name = "STACK")]
    pub stack: Option<PathBuf>,
    /// Lay stack.NAME.yaml (or .toml) over the manifest
    #[arg(long, value_name = "NAME")]
    pub env: Option<String>,
}

/// Arguments of `schema`.
#[derive(Debug, Args)]
pub struct Schema {
    /// Of what
    #[arg(value_enum, default_value_t = SchemaOf::Stack)]
    pub of: SchemaOf,
}

/// What there are schemas of.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub enum SchemaOf {
    /// A manifest
    #[default]
    Stack,
    /// An overlay of a manifest
    Overlay,
    /// A kind of service
    Kind,
    /// What a team asks of all its stacks
    Policy,
    /// Findings as JSON
    Findings,
    /// The model that the expressions of a policy see
    Model,
    /// Differences as JSON
    Diff,
    /// A snapshot of a server
    Snapshot,
}

/// Arguments of `init`.
#[derive(Debug, Args)]
pub struct Init {
    /// Folder to write stack.yaml to; its name becomes that of the stack [default: this folder]
    pub dir: Option<PathBuf>,
    /// Domain the services get their names under: example.com
    #[arg(long)]
    pub domain: String,
    /// Kinds of the services; container when none is named
    #[arg(value_name = "KIND")]
    pub kinds: Vec<String>,
}

/// Arguments of `completions`.
#[derive(Debug, Args)]
pub struct Completions {
    /// Shell
    #[arg(value_enum)]
    pub shell: clap_complete::Shell,
}

/// Arguments of `man`.
#[derive(Debug, Args)]
pub struct Man {
    /// The page of one command
    pub command: Option<String>,
}
