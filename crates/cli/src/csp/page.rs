//! What a page loads and runs.

use super::address::{Link, resolve};
use aws_lc_rs::digest::{SHA256, digest};
use base64::{Engine as _, prelude::BASE64_STANDARD};
use html5gum::{DefaultEmitter, StartTag, Token, Tokenizer};
use std::collections::{BTreeMap, BTreeSet};

/// What one page loads and runs.
#[derive(Debug, Default)]
pub(super) struct Page {
    /// Inline scripts, by hash, with how they begin.
    pub(super) scripts: BTreeMap<String, String>,
    /// Inline style sheets, the same way.
    pub(super) styles: BTreeMap<String, String>,
    /// Hashes of those that have a template's blanks in them: of a template, they are not what a browser will see.
    pub(super) blanks: BTreeSet<String>,
    /// Whether any element has a `style` attribute.
    pub(super) style_attributes: bool,
    /// Event handler attributes and `javascript:` addresses: `<button onclick>`.
    pub(super) handlers: BTreeSet<String>,
    /// Other origins, by directive.
    pub(super) sources: BTreeSet<(&'static str, String)>,
    /// Where its links lead, on the app itself.
    pub(super) links: BTreeSet<String>,
}

/// Of one page, at most this many of anything.
const ITEMS_MAX: usize = 500;

/// How much of an inline script is shown, in characters.
const BEGINNING_CHARS: usize = 60;

/// Reads a page at a path of an app that answers to `hosts`.
pub(super) fn read(html: &str, path: &str, hosts: &[String]) -> Page {
    // The parser of a browser sees only line feeds, and hashes what it sees.
    let html = html.replace("\r\n", "\n").replace('\r', "\n");
    let mut reader = Reader { page: Page::default(), base: path.to_owned(), hosts, inline: None };
    let mut emitter = DefaultEmitter::default();
    emitter.naively_switch_states(true); // the text of scripts and style sheets is no markup
    for Ok(token) in Tokenizer::new_with_emitter(&html, emitter) {
        match token {
            Token::StartTag(tag) => reader.start(&tag),
            Token::String(text) => reader.text(&text),
            Token::EndTag(tag) => reader.end(&tag.name),
            _ => {}
        }
    }
    reader.page
}

struct Reader<'h> {
    page: Page,
    base: String,
    hosts: &'h [String],
    /// The script or style sheet that is open: its element, whether it counts, its text.
    inline: Option<(Vec<u8>, bool, Vec<u8>)>,
}

impl Reader<'_> {
    fn start(&mut self, tag: &StartTag<()>) {
        let name = String::from_utf8_lossy(&tag.name).into_owned();
        let attributes: BTreeMap<String, String> = tag
            .attributes
            .iter()
            .map(|(name, value)| (String::from_utf8_lossy(name).into_owned(), String::from_utf8_lossy(&value.value).into_owned()))
            .collect();
        let has = |name: &str| attributes.contains_key(name);
        self.page.style_attributes |= has("style");
        for attribute in attributes.keys().filter(|attribute| attribute.starts_with("on") && attribute.len() > 3) {
            self.handler(format!("<{name} {attribute}>"));
        }
        for (directive, address) in addresses(&name, &attributes) {
            self.address(&name, directive, address);
        }
        if name == "base"
            && let Some(Link::Own(path)) = attributes.get("href").map(|href| resolve(&self.base, href, self.hosts))
        {
            self.base = path;
        }
        match name.as_str() {
            "script" => self.inline = Some((b"script".to_vec(), !has("src") && !has("nonce") && runs(&attributes), Vec::new())),
            "style" => self.inline = Some((b"style".to_vec(), !has("nonce"), Vec::new())),
            _ => {}
        }
    }

    fn text(&mut self, text: &[u8]) {
        if let Some((_, true, content)) = &mut self.inline {
            content.extend_from_slice(text);
        }
    }

    fn end(&mut self, name: &[u8]) {
        let Some((element, counts, content)) = self.inline.take_if(|(element, ..)| element.as_slice() == name) else { return };
        if !counts || content.trim_ascii().is_empty() {
            return;
        }
        let hash = format!("sha256-{}", BASE64_STANDARD.encode(digest(&SHA256, &content)));
        let text = String::from_utf8_lossy(&content);
        if self.page.blanks.len() < ITEMS_MAX && ["{{", "{%", "{#"].iter().any(|blank| text.contains(blank)) {
            self.page.blanks.insert(hash.clone());
        }
        let beginning = beginning(&text);
        let script = element == b"script";
        let known = if script { &mut self.page.scripts } else { &mut self.page.styles };
        if known.len() < ITEMS_MAX {
            known.insert(hash, beginning);
        }
        if !script {
            self.style_sheet(&String::from_utf8_lossy(&content));
        }
    }

    /// What an inline style sheet loads.
    fn style_sheet(&mut self, text: &str) {
        for (at, _) in text.match_indices("url(").take(ITEMS_MAX) {
            let rest = text.get(at + 4..).unwrap_or_default().trim_start_matches(['"', '\'', ' ']);
            let address = rest.split(['"', '\'', ')', ' ']).next().unwrap_or_default();
            let before = text.get(..at).unwrap_or_default().trim_end();
            let rule = before.rsplit(['{', '}', ';']).next().unwrap_or_default();
            let directive = match rule {
                rule if rule.contains("@import") => "style_src",
                rule if rule.trim_start().starts_with("src") => "font_src",
                _ => "img_src",
            };
            self.address("style", directive, address);
        }
    }

    fn address(&mut self, element: &str, directive: &'static str, address: &str) {
        match resolve(&self.base, address, self.hosts) {
            Link::Own(path) if directive == LINK && self.page.links.len() < ITEMS_MAX => drop(self.page.links.insert(path)),
            Link::Scheme(scheme) if scheme == "javascript:" => self.handler(format!("<{element}> with a javascript: address")),
            Link::Foreign(origin) if directive != LINK => self.source(directive, origin),
            Link::Scheme(scheme) if scheme == "data:" && directive != LINK => self.source(directive, scheme),
            _ => {}
        }
    }

    fn source(&mut self, directive: &'static str, origin: String) {
        // Google's style sheets load their fonts from another host of Google's.
        if directive == "style_src" && origin == "https://fonts.googleapis.com" {
            self.page.sources.insert(("font_src", "https://fonts.gstatic.com".to_owned()));
        }
        if self.page.sources.len() < ITEMS_MAX {
            self.page.sources.insert((directive, origin));
        }
    }

    fn handler(&mut self, text: String) {
        if self.page.handlers.len() < ITEMS_MAX {
            self.page.handlers.insert(text);
        }
    }
}

/// A link that is followed, and loads nothing.
const LINK: &str = "";

/// The addresses of an element, each with the directive it falls under.
fn addresses<'a>(element: &str, attributes: &'a BTreeMap<String, String>) -> Vec<(&'static str, &'a str)> {
    let value = |name: &str| attributes.get(name).map(String::as_str);
    let directive = match element {
        "a" | "area" => return value("href").map(|address| (LINK, address)).into_iter().collect(),
        "form" => return value("action").map(|address| ("form_action", address)).into_iter().collect(),
        "button" | "input" if value("formaction").is_some() => {
            return value("formaction").map(|address| ("form_action", address)).into_iter().collect();
        }
        "base" => return value("href").map(|address| ("base_uri", address)).into_iter().collect(),
        "link" => return of_link(&attributes.get("rel").map(|rel| rel.to_ascii_lowercase()).unwrap_or_default(), value),
        "script" => "script_src",
        "iframe" | "frame" => "frame_src",
        "video" | "audio" | "track" => "media_src",
        "object" | "embed" => "object_src",
        "img" | "image" | "input" => "img_src",
        // A source stands in a picture, a video or a sound; a picture is the common case.
        "source" => {
            if value("srcset").is_some() {
                "img_src"
            } else {
                "media_src"
            }
        }
        _ => return Vec::new(),
    };
    let plain = ["src", "data", "href"].iter().filter_map(|name| value(name)).map(|address| (directive, address));
    let set = value("srcset").unwrap_or_default().split(',').filter_map(|part| part.split_whitespace().next());
    let poster = value("poster").map(|address| ("img_src", address));
    plain.chain(set.map(|address| ("img_src", address))).chain(poster).collect()
}

fn of_link<'a>(rel: &str, value: impl Fn(&str) -> Option<&'a str>) -> Vec<(&'static str, &'a str)> {
    let is = |word: &str| rel.split_ascii_whitespace().any(|one| one == word);
    let directive = match () {
        () if is("stylesheet") => "style_src",
        () if is("icon") || is("apple-touch-icon") => "img_src",
        () if is("manifest") => "manifest_src",
        () if is("modulepreload") => "script_src",
        () if is("preload") => match value("as") {
            Some("script") => "script_src",
            Some("style") => "style_src",
            Some("font") => "font_src",
            Some("image") => "img_src",
            _ => return Vec::new(),
        },
        () => return Vec::new(),
    };
    value("href").map(|address| (directive, address)).into_iter().collect()
}

/// Whether a script element is run, and not a block of data (HTML, "prepare the script element").
fn runs(attributes: &BTreeMap<String, String>) -> bool {
    let kind = attributes.get("type").map(|kind| kind.trim().to_ascii_lowercase()).unwrap_or_default();
    kind.is_empty()
        || kind.ends_with("/javascript")
        || kind.ends_with("/ecmascript")
        || ["module", "importmap", "speculationrules"].contains(&kind.as_str())
}

fn beginning(text: &str) -> String {
    let words: Vec<&str> = text.split_whitespace().collect();
    words.join(" ").chars().filter(|c| !c.is_control()).take(BEGINNING_CHARS).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn page(html: &str) -> Page {
        read(html, "/a/", &["localhost".to_owned()])
    }

    #[test]
    fn scripts_are_hashed_as_a_browser_does() {
        // The hash that the specification gives for this text (CSP level 3).
        let found = page("<script>doSomething();</script>");
        assert_eq!(found.scripts.keys().next().unwrap(), "sha256-RFWPLDbv2BY+rCkDzsE+0fr8ylGr2R2faWMhq4lfEQc=");
        let tricky = page("<script>if (a < b) { x = '<p onclick=y>' + \"&amp;\" }</script><p>");
        assert_eq!((tricky.scripts.len(), tricky.handlers.len()), (1, 0));
        assert_eq!(page("<script>a\r\nb</script>").scripts.keys().next(), page("<script>a\nb</script>").scripts.keys().next());
    }

    #[test]
    fn what_does_not_run_is_no_script() {
        for html in [
            "<script type=application/json>{}</script>",
            "<script src=a.js></script>",
            "<script nonce=x>a</script>",
            "<script> </script>",
        ] {
            assert!(page(html).scripts.is_empty(), "{html}");
        }
        assert_eq!(page("<script type=module>a</script>").scripts.len(), 1);
    }

    #[test]
    fn handlers_and_styles_are_found() {
        let found = page(
            "<body ONLOAD=x><a href=' javascript:y()'>z</a><p style='a:b'><style>@import url(https://s.example/a.css); p{background:url('https://i.example/b')} @font-face{src:url(https://f.example/c)}</style>",
        );
        assert_eq!(
            found.handlers.iter().map(String::as_str).collect::<Vec<_>>(),
            ["<a> with a javascript: address", "<body onload>"]
        );
        assert!(found.style_attributes && found.styles.len() == 1);
        let sources: Vec<_> = found.sources.iter().map(|(directive, origin)| format!("{directive} {origin}")).collect();
        assert_eq!(sources, ["font_src https://f.example", "img_src https://i.example", "style_src https://s.example"]);
    }

    #[test]
    fn other_origins_fall_under_their_directive() {
        let html = "<link rel=stylesheet href=https://fonts.googleapis.com/css><img srcset='https://i.example/a 1x, /b 2x'><iframe src=//v.example></iframe>\
                    <form action=https://pay.example/x><script src=https://cdn.example/a.js></script><a href=https://elsewhere.example>x</a><a href=b>y</a>";
        let found = page(html);
        let sources: Vec<_> = found.sources.iter().map(|(directive, origin)| format!("{directive} {origin}")).collect();
        assert_eq!(
            sources,
            [
                "font_src https://fonts.gstatic.com",
                "form_action https://pay.example",
                "frame_src https://v.example",
                "img_src https://i.example",
                "script_src https://cdn.example",
                "style_src https://fonts.googleapis.com"
            ]
        );
        assert_eq!(found.links.iter().map(String::as_str).collect::<Vec<_>>(), ["/a/b"]);
    }
}
