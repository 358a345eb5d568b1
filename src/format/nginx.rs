//! nginx configuration: text to directives with nginx's own idea of words, and back; knows no directive by name.

use super::{Fault, Refused, is_visible, push_comment, push_indent};
use crate::finding::{Finding, Place};
use crate::text::{SourceId, Span};

/// nginx reads through a buffer of this size; a word or comment that fills it is an error.
const BUFFER: usize = 4096;
/// Far deeper than any block of nginx allows; keeps hostile text from using up the stack.
const DEEPEST: usize = 64;

/// One directive, or one line of a block such as `map` and `types`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Directive {
    /// The first word, without quotes and escapes. May be empty: `'' close;` in a `map`.
    pub name: String,
    /// The other words, without quotes and escapes. Variables stay as they are written, `$host` or `${host}`.
    pub args: Vec<String>,
    /// From the name to the `;` or `}`.
    pub span: Span,
    /// The directives between `{` and `}`.
    pub block: Option<Vec<Directive>>,
    /// Comment lines above it or on its line, without their `#`.
    pub comments: Vec<String>,
    /// Comment lines below it, before the block or text ends.
    pub after: Vec<String>,
}

impl Directive {
    /// A directive without a block.
    pub fn new<A: Into<String>>(name: impl Into<String>, args: impl IntoIterator<Item = A>) -> Self {
        Self {
            name: name.into(),
            args: args.into_iter().map(Into::into).collect(),
            span: Span::default(),
            block: None,
            comments: Vec::new(),
            after: Vec::new(),
        }
    }

    /// The directive with a block.
    #[must_use]
    pub fn block(mut self, directives: impl IntoIterator<Item = Directive>) -> Self {
        self.block = Some(directives.into_iter().collect());
        self
    }

    /// Its name if it has a block, else all of it: what is shown of it.
    pub fn head(&self) -> Span {
        let start = self.span.start as usize;
        let end = if self.block.is_some() { start + self.name.len() } else { self.span.end as usize };
        Span::new(self.span.source, start, end)
    }

    /// The directive with a comment line more above it.
    #[must_use]
    pub fn comment(mut self, text: impl Into<String>) -> Self {
        self.comments.push(text.into());
        self
    }
}

/// The directives of a source.
pub fn read(source: SourceId, text: &str) -> Result<Vec<Directive>, Vec<Finding>> {
    parse(source, text).map_err(|fault| {
        let width = text[fault.offset..].chars().next().map_or(0, char::len_utf8);
        let place = Place::Text(Span::new(source, fault.offset, fault.offset + width));
        vec![Finding::error("unsafe-raw-snippet", place, fault.message)]
    })
}

/// The directives of a text that is no source of its own, such as a snippet in a manifest. Spans count from its start.
pub fn read_snippet(text: &str) -> Result<Vec<Directive>, Fault> {
    parse(SourceId::default(), text)
}

/// A block that is still open.
struct Open {
    directive: Directive,
    siblings: Vec<Directive>,
}

fn parse(source: SourceId, text: &str) -> Result<Vec<Directive>, Fault> {
    if text.starts_with('\u{feff}') {
        return Err(Fault::new(
            0,
            "nginx takes the byte order mark at the start for a part of the first word",
        ));
    }
    let mut lexer = Lexer { text, at: 0, comments: Vec::new() };
    let mut open: Vec<Open> = Vec::new();
    let mut siblings: Vec<Directive> = Vec::new();
    let mut words: Vec<String> = Vec::new();
    let mut start = 0;
    let mut comments: Vec<String> = Vec::new();
    // Whether the last token was a `{`, `;` or `}`, so that a comment on its line belongs to what it ends or opens.
    let (mut opened, mut closed) = (false, false);
    loop {
        let (at, token) = lexer.next()?;
        for (comment, same_line) in lexer.comments.drain(..) {
            match (siblings.last_mut(), open.last_mut()) {
                (Some(last), _) if same_line && closed => last.comments.push(comment),
                (_, Some(parent)) if same_line && opened => parent.directive.comments.push(comment),
                _ => comments.push(comment),
            }
        }
        (opened, closed) = (false, false);
        if let Token::Word(word) = token {
            if words.is_empty() {
                start = at;
            }
            words.push(word);
            continue;
        }
        match token {
            Token::Word(_) => {}
            Token::Semicolon | Token::Open => {
                let sign = if token == Token::Open { '{' } else { ';' };
                let mut words = std::mem::take(&mut words).into_iter();
                let Some(name) = words.next() else {
                    return Err(Fault::new(at, format!("expected a directive before \"{sign}\"")));
                };
                let mut directive = Directive::new(name, words);
                directive.span = Span::new(source, start, at + 1);
                directive.comments = std::mem::take(&mut comments);
                if token == Token::Semicolon {
                    siblings.push(directive);
                    closed = true;
                } else if directive.name.ends_with("_by_lua_block") {
                    // The Lua module reads these with a lexer for Lua, so braces and quotes mean other things.
                    return Err(Fault::new(
                        start,
                        "Lua blocks cannot be read; put the code in a file of its own",
                    ));
                } else if open.len() == DEEPEST {
                    return Err(Fault::new(start, format!("blocks are nested more than {DEEPEST} deep")));
                } else {
                    open.push(Open { directive, siblings: std::mem::take(&mut siblings) });
                    opened = true;
                }
            }
            Token::Close => {
                if !words.is_empty() {
                    return Err(Fault::new(at, "expected \";\" before \"}\""));
                }
                let Some(Open { mut directive, siblings: outer }) = open.pop() else {
                    return Err(Fault::new(at, "\"}\" closes a block that was not opened here"));
                };
                directive.span.end = Span::new(source, 0, at + 1).end;
                keep_trailing(&mut comments, &mut siblings, &mut directive.comments);
                directive.block = Some(std::mem::replace(&mut siblings, outer));
                siblings.push(directive);
                closed = true;
            }
            Token::End => {
                if !words.is_empty() {
                    return Err(Fault::new(start, "expected \";\" before the end of the text"));
                }
                if let Some(Open { directive, .. }) = open.pop() {
                    let message = format!("the block of \"{}\" is not closed by \"}}\"", directive.name);
                    return Err(Fault::new(directive.span.start as usize, message));
                }
                keep_trailing(&mut comments, &mut siblings, &mut Vec::new());
                return Ok(siblings);
            }
        }
    }
}

/// Comments before a `}` stay below the last directive; an empty block hands them to its own directive.
fn keep_trailing(comments: &mut Vec<String>, siblings: &mut [Directive], otherwise: &mut Vec<String>) {
    siblings.last_mut().map_or(otherwise, |last| &mut last.after).append(comments);
}

#[derive(Debug, PartialEq, Eq)]
enum Token {
    Word(String),
    Semicolon,
    Open,
    Close,
    End,
}

/// Splits text as `ngx_conf_read_token` does. All that counts is ASCII, so it works on bytes.
struct Lexer<'a> {
    text: &'a str,
    at: usize,
    /// Comments met before the last token, and whether each began on the line of the token before it.
    comments: Vec<(String, bool)>,
}

impl Lexer<'_> {
    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    /// The next token and where it starts.
    fn next(&mut self) -> Result<(usize, Token), Fault> {
        self.skip_blanks()?;
        let at = self.at;
        let Some(first) = self.peek() else { return Ok((at, Token::End)) };
        self.at += 1;
        let token = match first {
            b';' => Token::Semicolon,
            b'{' => Token::Open,
            // Only at the start of a word: `a}b` is a word like any other.
            b'}' => Token::Close,
            b'"' | b'\'' => self.quoted(at, first)?,
            _ => self.bare(at)?,
        };
        Ok((at, token))
    }

    fn skip_blanks(&mut self) -> Result<(), Fault> {
        let mut same_line = true;
        while let Some(b) = self.peek() {
            match b {
                b' ' | b'\t' | b'\r' => self.at += 1,
                b'\n' => {
                    same_line = false;
                    self.at += 1;
                }
                b'#' => {
                    let rest = &self.text[self.at..];
                    let comment = rest.find('\n').map_or(rest, |end| &rest[..end]);
                    if comment.len() >= BUFFER && comment.len() < rest.len() {
                        return Err(Fault::new(
                            self.at,
                            "a comment line is longer than nginx reads (4095 bytes)",
                        ));
                    }
                    self.at += comment.len();
                    let content = comment[1..].trim_end();
                    self.comments.push((content.strip_prefix(' ').unwrap_or(content).to_string(), same_line));
                }
                _ => break,
            }
        }
        Ok(())
    }

    /// A word up to the next blank, `;` or `{`; quotes and `#` inside it are nothing special.
    fn bare(&mut self, start: usize) -> Result<Token, Fault> {
        self.at = start;
        // After a `$`, braces belong to a variable: `${name}`.
        let mut variable = false;
        while let Some(b) = self.peek() {
            self.fits(start, start)?;
            match b {
                b'{' if variable => {}
                b' ' | b'\t' | b'\r' | b'\n' | b';' | b'{' => return self.word(start, start, self.at),
                b'\\' => {
                    variable = false;
                    self.at += 1;
                }
                _ => variable = b == b'$',
            }
            self.at += 1;
        }
        Err(Fault::new(start, "expected \";\" before the end of the text"))
    }

    fn quoted(&mut self, start: usize, quote: u8) -> Result<Token, Fault> {
        while let Some(b) = self.peek() {
            self.fits(start, start + 1)?;
            self.at += 1;
            if b == b'\\' {
                self.at += 1;
            } else if b == quote {
                let word = self.word(start, start + 1, self.at - 1)?;
                return match self.peek() {
                    // A bracket starts the next word: `if ($a = "b")`.
                    None | Some(b' ' | b'\t' | b'\r' | b'\n' | b';' | b'{' | b')') => {
                        if self.peek().is_some() {
                            self.fits(start, start + 1)?;
                        }
                        Ok(word)
                    }
                    Some(_) => {
                        let found = self.text[self.at..].chars().next().unwrap_or_default();
                        let message =
                            format!("expected a blank or \";\" after the closing quote, found \"{found}\"");
                        Err(Fault::new(self.at, message))
                    }
                };
            }
        }
        Err(Fault::new(start, "the quote is not closed"))
    }

    fn fits(&self, start: usize, content: usize) -> Result<(), Fault> {
        if self.at - content < BUFFER {
            return Ok(());
        }
        Err(Fault::new(start, "a word is longer than nginx reads (4095 bytes, 4094 in quotes)"))
    }

    fn word(&self, start: usize, from: usize, to: usize) -> Result<Token, Fault> {
        let raw = &self.text[from..to];
        if raw.contains('\0') {
            // Read, but cut off there by whatever takes the word as a C string.
            return Err(Fault::new(start, "a NUL byte stands in a word"));
        }
        let mut word = String::with_capacity(raw.len());
        let mut chars = raw.chars().peekable();
        while let Some(c) = chars.next() {
            // Any other escape stays as it is, which is why regular expressions need no doubling.
            let escape = chars.peek().filter(|_| c == '\\').and_then(|next| match next {
                '"' | '\'' | '\\' => Some(*next),
                't' => Some('\t'),
                'r' => Some('\r'),
                'n' => Some('\n'),
                _ => None,
            });
            if escape.is_some() {
                chars.next();
            }
            word.push(escape.unwrap_or(c));
        }
        Ok(Token::Word(word))
    }
}

/// Directives as text, four spaces a level. Whatever stands in names, words and comments stays where it is; a word too
/// long for nginx is printed all the same, and refused when the text is read.
pub fn print(directives: &[Directive]) -> String {
    let mut out = String::new();
    push_directives(&mut out, directives, 0);
    out
}

fn push_directives(out: &mut String, directives: &[Directive], indent: usize) {
    let mut previous: Option<&Directive> = None;
    for directive in directives {
        // Blocks and commented directives stand free of what is above and below them.
        let apart = |above: &Directive| {
            above.block.is_some() || directive.block.is_some() || !directive.comments.is_empty()
        };
        if previous.is_some_and(apart) {
            out.push('\n');
        }
        directive.comments.iter().for_each(|comment| push_comment(out, indent, comment));
        push_indent(out, indent);
        push_word(out, &directive.name);
        push_args(out, directive);
        match directive.block.as_deref() {
            None => out.push_str(";\n"),
            Some([]) => out.push_str(" {}\n"),
            Some(block) => {
                out.push_str(" {\n");
                push_directives(out, block, indent + 4);
                push_indent(out, indent);
                out.push_str("}\n");
            }
        }
        directive.after.iter().for_each(|comment| push_comment(out, indent, comment));
        previous = Some(directive);
    }
}

fn push_args(out: &mut String, directive: &Directive) {
    for (i, arg) in directive.args.iter().enumerate() {
        // `if ($a = "b")` is the words `($a`, `=`, `b` and `)`: the last two are written as people do.
        let before_bracket =
            directive.name == "if" && directive.args.get(i + 1).is_some_and(|next| next == ")");
        if i > 0 && arg == ")" && directive.name == "if" && out.ends_with('"') {
            out.push(')');
            continue;
        }
        out.push(' ');
        if before_bracket && !arg.starts_with(['$', '(']) {
            push_quoted(out, arg);
        } else {
            push_word(out, arg);
        }
    }
}

fn push_word(out: &mut String, word: &str) {
    if is_bare(word) { out.push_str(word) } else { push_quoted(out, word) }
}

/// Whether a word reads as itself without quotes. Narrower than nginx: quotes and escapes in the middle of a word are
/// legal there, but no reader of the file sees that.
fn is_bare(word: &str) -> bool {
    let mut variable = false;
    let mut escaped = false;
    for c in word.chars() {
        let fine = match c {
            ' ' | ';' | '"' | '\'' => false,
            // Legal for nginx, but somebody should see that there is something.
            c if !is_visible(c) => false,
            // These would turn the backslash before them into something else.
            '\\' | 't' | 'r' | 'n' if escaped => false,
            '{' => variable,
            _ => true,
        };
        if !fine {
            return false;
        }
        // A backslash hides the `$` behind it from the search for `${`.
        variable = !escaped && (c == '$' || variable && c == '{');
        escaped = c == '\\';
    }
    !escaped && !word.is_empty() && !word.starts_with(['#', '}'])
}

fn push_quoted(out: &mut String, word: &str) {
    out.push('"');
    let mut chars = word.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '"' => out.push_str("\\\""),
            '\n' => out.push_str("\\n"),
            '\t' => out.push_str("\\t"),
            '\r' => out.push_str("\\r"),
            // A backslash stands for itself unless what follows makes an escape of it: `"^\d{3}$"` stays readable.
            '\\' if chars.peek().is_none_or(|next| "\"'\\trn\t\r\n".contains(*next)) => out.push_str("\\\\"),
            c => out.push(c),
        }
    }
    out.push('"');
}

/// A text as exactly one word that nginx takes for that text: bare when it is harmless, else in double quotes.
///
/// `$` is refused: nginx reads a variable into it, in quotes as well, and has no escape for it.
pub fn quote(text: &str) -> Result<String, Refused> {
    if text.contains('$') {
        return Err(Refused {
            reason: "nginx reads \"$\" as the start of a variable and has no escape for it",
        });
    }
    if text.contains('\0') {
        return Err(Refused { reason: "a NUL byte cannot stand in an nginx word" });
    }
    let safe = |b: u8| b.is_ascii_alphanumeric() || b"_-./:@%+,=*^~".contains(&b);
    if !text.is_empty() && text.bytes().all(safe) && text.len() < BUFFER {
        return Ok(text.to_string());
    }
    let mut out = String::with_capacity(text.len() + 2);
    push_quoted(&mut out, text);
    // Behind the opening quote, the word and its closing quote have to leave one byte of the buffer free.
    if out.len() > BUFFER {
        return Err(Refused { reason: "a word of an nginx configuration is at most 4094 bytes long" });
    }
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// The tree without spans and comments, every word in brackets.
    fn words(directives: &[Directive]) -> String {
        let one = |d: &Directive| {
            let args: String = d.args.iter().map(|arg| format!(" <{arg}>")).collect();
            let block = d.block.as_ref().map(|block| format!(" {{{}}}", words(block)));
            format!("<{}>{args}{}", d.name, block.unwrap_or_default())
        };
        directives.iter().map(one).collect::<Vec<_>>().join(" ")
    }

    fn bare_tree(mut directives: Vec<Directive>) -> Vec<Directive> {
        for directive in &mut directives {
            directive.span = Span::default();
            directive.block = directive.block.take().map(bare_tree);
        }
        directives
    }

    #[test]
    fn words_as_nginx_reads_them() {
        let table = [
            ("", ""),
            ("a b;c{d;}", "<a> <b> <c> {<d>}"),
            ("a b#c d}e;", "<a> <b#c> <d}e>"),
            ("a # x; }\n b;", "<a> <b>"),
            ("'' close;\"a;{}#\" 'b\"';", "<> <close> <a;{}#> <b\">"),
            ("a b\"c;", "<a> <b\"c>"),
            (r#"a "\"\\\d\t\'" \.php$ x\;y;"#, "<a> <\"\\\\d\t'> <\\.php$> <x\\;y>"),
            (r#"a \"b c\ d;"#, "<a> <\"b> <c\\ d>"),
            ("a ${b}c $d${{e;", "<a> <${b}c> <$d${{e>"),
            ("location ~ $x{}", "<location> <~> <$x> {}"),
            ("if ($a = \"b\"){c;}", "<if> <($a> <=> <b> <)> {<c>}"),
            (r"a b\${c;}", r"<a> <b\$> {<c>}"),
            ("events {}\r\n", "<events> {}"),
        ];
        for (text, expected) in table {
            assert_eq!(words(&read_snippet(text).unwrap()), expected, "{text}");
        }
    }

    #[test]
    fn faults() {
        let long = |n: usize| "x".repeat(n);
        let table = [
            ("a b".into(), "2: expected \";\" before the end of the text"),
            ("a ".into(), "0: expected \";\" before the end of the text"),
            ("a; }".into(), "3: \"}\" closes a block that was not opened here"),
            ("a {b}".into(), "3: expected \";\" before the end of the text"),
            ("a {b }".into(), "5: expected \";\" before \"}\""),
            ("a { b;".into(), "0: the block of \"a\" is not closed by \"}\""),
            ("a;;".into(), "2: expected a directive before \";\""),
            ("{}".into(), "0: expected a directive before \"{\""),
            ("a \"b\"c;".into(), "5: expected a blank or \";\" after the closing quote, found \"c\""),
            ("a \"b".into(), "2: the quote is not closed"),
            ("a \"b\\".into(), "2: the quote is not closed"),
            ("a b\\".into(), "2: expected \";\" before the end of the text"),
            (
                "\u{feff}a;".into(),
                "0: nginx takes the byte order mark at the start for a part of the first word",
            ),
            ("a b\0;".into(), "2: a NUL byte stands in a word"),
            (
                "x {content_by_lua_block { a }}".into(),
                "3: Lua blocks cannot be read; put the code in a file of its own",
            ),
            ("a {".repeat(65), "192: blocks are nested more than 64 deep"),
            (
                format!("a {};", long(4096)),
                "2: a word is longer than nginx reads (4095 bytes, 4094 in quotes)",
            ),
            (
                format!("a '{}';", long(4095)),
                "2: a word is longer than nginx reads (4095 bytes, 4094 in quotes)",
            ),
            (format!("#{}\n", long(4095)), "0: a comment line is longer than nginx reads (4095 bytes)"),
        ];
        for (text, expected) in table {
            let fault = read_snippet(&text).unwrap_err();
            assert_eq!(format!("{}: {fault}", fault.offset), expected);
        }
        for text in
            [format!("a {};", long(4095)), format!("a '{}';", long(4094)), format!("#{}\na;", long(4094))]
        {
            assert!(read_snippet(&text).is_ok());
        }
        let findings = read(SourceId(3), "a é\"").unwrap_err();
        assert_eq!(findings[0].place, Place::Text(Span::new(SourceId(3), 2, 4)));
        assert_eq!(findings[0].rule, "unsafe-raw-snippet");
    }

    #[test]
    fn layout_and_comments() {
        let text = "# top\nuser nginx; # who\nevents{}# none\nhttp { # all\n# x\nmap $a $b{default a;'' \"\";}\n\
                    server{listen 80;server_name a.b;\n#tls\nif ($a = \"b\") {return 301 \"a b\";}\n\
                    location ~ '^/(\\d{3})$' {x;}}\n # end\n}\n# bye";
        let tree = read_snippet(text).unwrap();
        let printed = r#"# top
# who
user nginx;

# none
events {}

# all
http {
    # x
    map $a $b {
        default a;
        "" "";
    }

    server {
        listen 80;
        server_name a.b;

        # tls
        if ($a = "b") {
            return 301 "a b";
        }

        location ~ "^/(\d{3})$" {
            x;
        }
    }
    # end
}
# bye
"#;
        assert_eq!(print(&tree), printed);
        assert_eq!(bare_tree(read_snippet(printed).unwrap()), bare_tree(tree.clone()));
        let Some(block) = &tree[2].block else { unreachable!() };
        assert_eq!(&text[block[0].span.range()], "map $a $b{default a;'' \"\";}");
        let built =
            Directive::new("http", None::<String>).block([Directive::new("a", ["; } b"]).comment("x\n} y")]);
        assert_eq!(print(&[built]), "http {\n    # x\n    # } y\n    a \"; } b\";\n}\n");
    }

    #[test]
    fn quoting() {
        let table = [
            ("", r#""""#),
            ("/a/b.c:80", "/a/b.c:80"),
            ("a b", r#""a b""#),
            ("x; } evil", r#""x; } evil""#),
            ("a\"b\\", r#""a\"b\\""#),
            (r"\d{3}\n", r#""\d{3}\\n""#),
            ("a\nb", r#""a\nb""#),
            ("#", "\"#\""),
            ("é", "\"é\""),
        ];
        for (text, quoted) in table {
            assert_eq!(quote(text).unwrap(), quoted);
        }
        for bad in ["$", "a${b}", "\0", &"x".repeat(4096), &" ".repeat(4095)] {
            assert!(quote(bad).is_err());
        }
        assert!(quote(&"x".repeat(4095)).is_ok() && quote(&" ".repeat(4094)).is_ok());
    }

    fn word() -> impl Strategy<Value = String> {
        prop_oneof!["[a-z$]{1,5}", "[ \t\r\n\"'\\\\;{}#$()tnrda]{0,6}", "[^\0]{0,5}"]
    }

    fn directive() -> impl Strategy<Value = Directive> {
        let name = prop_oneof![4 => word(), 1 => Just("if".to_string())]
            .prop_filter("", |name| !name.ends_with("_by_lua_block"));
        let arg = prop_oneof![5 => word(), 1 => Just(")".to_string())];
        let line = (
            name,
            prop::collection::vec(arg, 0..4),
            prop::collection::vec("[a-z#;{}]( ?[a-z#;{}]){0,5}", 0..2),
        )
            .prop_map(|(name, args, comments)| Directive { comments, ..Directive::new(name, args) });
        line.prop_recursive(4, 24, 4, |inner| {
            (inner.clone(), prop::collection::vec(inner, 0..4)).prop_map(|(outer, block)| outer.block(block))
        })
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(400))]

        #[test]
        fn printed_trees_read_back(tree in prop::collection::vec(directive(), 0..4)) {
            let text = print(&tree);
            let back = read_snippet(&text);
            prop_assert_eq!(back.map(bare_tree), Ok(tree), "{}", text);
        }

        #[test]
        fn any_text_is_refused_or_prints_to_itself(text in "([ab{};#\n \"'\\\\$()é]|\\$\\{a\\}|a b;|if \\(){0,24}") {
            if let Ok(tree) = read_snippet(&text) {
                let printed = print(&tree);
                let again = read_snippet(&printed).unwrap();
                prop_assert_eq!(words(&again), words(&tree), "{}", &printed);
                prop_assert_eq!(print(&again), printed);
            }
        }

        #[test]
        fn quoted_texts_are_one_word(text in word()) {
            if let Ok(quoted) = quote(&text) {
                prop_assert_eq!(words(&read_snippet(&format!("a {quoted} b;")).unwrap()), format!("<a> <{text}> <b>"));
            }
        }
    }
}
