//! From what pages load and run to the policy lines that allow it.

use super::{crawl::Pages, page::Page};
use serde::Serialize;
use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Write as _,
};

/// What a policy for these pages needs, and what no policy can mend.
#[derive(Debug, Default, Serialize)]
pub(super) struct Proposal {
    /// How many pages were read.
    pages: usize,
    /// Hashes of inline scripts, with page and beginning.
    scripts: BTreeMap<String, Inline>,
    /// Hashes of inline style sheets.
    styles: BTreeMap<String, Inline>,
    /// Whether some element has a `style` attribute.
    style_attributes: bool,
    /// Other origins, by key of `[headers.csp]`.
    sources: BTreeMap<&'static str, BTreeSet<String>>,
    /// Event handlers and `javascript:` addresses, with the pages they are on.
    handlers: BTreeMap<String, BTreeSet<String>>,
    /// Inline scripts and styles that change from visit to visit.
    changing: BTreeSet<Inline>,
}

/// An inline script or style sheet.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
struct Inline {
    page: String,
    begins: String,
}

impl Proposal {
    pub(super) fn of(pages: &Pages) -> Self {
        let mut proposal = Self { pages: pages.len(), ..Self::default() };
        for (path, visits) in pages {
            for page in visits {
                proposal.learn(path, page);
            }
            proposal.inline(path, visits, |page| &page.scripts, true);
            proposal.inline(path, visits, |page| &page.styles, false);
        }
        proposal
    }

    fn learn(&mut self, path: &str, page: &Page) {
        self.style_attributes |= page.style_attributes;
        for (key, source) in &page.sources {
            self.sources.entry(key).or_default().insert(source.clone());
        }
        for handler in &page.handlers {
            self.handlers.entry(handler.clone()).or_default().insert(path.to_owned());
        }
    }

    /// What was the same at each visit has a hash worth writing down. A template's file is read once, and its blanks are
    /// still blank.
    fn inline(&mut self, path: &str, visits: &[Page], of: impl Fn(&Page) -> &BTreeMap<String, String>, scripts: bool) {
        let blank = |hash: &String| visits.len() == 1 && visits.iter().any(|page| page.blanks.contains(hash));
        for (hash, begins) in visits.iter().flat_map(|page| of(page).iter()) {
            let inline = Inline { page: path.to_owned(), begins: begins.clone() };
            let stays = visits.iter().all(|page| of(page).contains_key(hash)) && !blank(hash);
            match (stays, scripts) {
                (false, _) => drop(self.changing.insert(inline)),
                (true, true) => drop(self.scripts.entry(hash.clone()).or_insert(inline)),
                (true, false) => drop(self.styles.entry(hash.clone()).or_insert(inline)),
            }
        }
    }

    /// Whether the app must change before a policy can hold.
    pub(super) fn needs_changes(&self) -> bool {
        !self.handlers.is_empty() || !self.changing.is_empty()
    }

    /// Whether pages lose something under the default policy.
    pub(super) fn needs_policy(&self) -> bool {
        self.needs_changes() || !self.scripts.is_empty() || !self.sources.is_empty()
    }

    /// The proposal as lines of policy, with what no line can mend as comments. Of a table that is written already only what
    /// changes is told: a second one of that name would be an error.
    pub(super) fn text(&self, written: Option<&Written>) -> String {
        let mut text = format!("# Learned from {} page{}.\n", self.pages, if self.pages == 1 { "" } else { "s" });
        let lines = self.lines(written.unwrap_or(&Written::default()));
        text.push_str(match (lines.is_empty(), written) {
            (true, None) => "# They work under the default policy; nothing to add.\n",
            (true, Some(_)) => "# They work under [headers.csp] as it is; nothing to add.\n",
            (false, None) => "[headers.csp]\n",
            (false, Some(_)) => {
                "# The policy has a [headers.csp] already: put these into it, each in the place of one of the same name.\n"
            }
        });
        text.push_str(&lines);
        self.add_changes(&mut text);
        text
    }

    fn lines(&self, written: &Written) -> String {
        let mut text = String::new();
        for (key, own) in DEFAULTS {
            let own = || own.split(' ').map(str::to_owned).collect();
            let mut sources: Vec<String> = written.0.get(*key).cloned().unwrap_or_else(own);
            let found = self.sources.get(key).into_iter().flatten().filter(|source| !sources.contains(source)).cloned();
            let found: Vec<String> = found.collect();
            let loose = sources.iter().any(|source| source == "'unsafe-inline'");
            let strict = *key == "style_src" && !self.style_attributes && loose;
            sources.extend(found.iter().cloned());
            if strict {
                sources.retain(|source| source != "'unsafe-inline'");
            }
            if strict || !found.is_empty() {
                let comment = if strict { " # no element has a style attribute" } else { "" };
                let _ = writeln!(text, "{key} = {}{comment}", list(&sources));
            }
        }
        hashes(&mut text, "script_hashes", &self.scripts, written);
        if !self.style_attributes {
            hashes(&mut text, "style_hashes", &self.styles, written);
        }
        text
    }

    fn add_changes(&self, text: &mut String) {
        if !self.handlers.is_empty() {
            text.push_str(
                "\n# Event handlers in attributes never run under a policy that stops injected scripts. Move each into a file\n\
                           # of the app (addEventListener):\n",
            );
        }
        for (handler, pages) in &self.handlers {
            let shown: Vec<&str> = pages.iter().take(3).map(String::as_str).collect();
            let more = if pages.len() > shown.len() { format!(" and {} more", pages.len() - shown.len()) } else { String::new() };
            let _ = writeln!(text, "#   {handler} on {}{more}", shown.join(", "));
        }
        if !self.changing.is_empty() {
            text.push_str("\n# These change from visit to visit, so no hash fits. Move the data into a `data-` attribute or a JSON block, or\n\
                           # write `nonce=\"…\"` with what the request's `x-gambeson-nonce` says, and add \"'nonce'\" to script_src:\n");
        }
        for inline in &self.changing {
            let _ = writeln!(text, "#   {}: {}", inline.page, inline.begins);
        }
    }
}

/// The defaults of `[headers.csp]` that a source is added to. A test holds them against the policy's own definition.
const DEFAULTS: &[(&str, &str)] = &[
    ("script_src", "'self'"),
    ("style_src", "'self' 'unsafe-inline'"),
    ("img_src", "'self' data: blob:"),
    ("font_src", "'self' data:"),
    ("media_src", "'self' blob:"),
    ("manifest_src", "'self'"),
    ("frame_src", "'self'"),
    ("object_src", "'self'"),
    ("base_uri", "'self'"),
    ("form_action", "'self'"),
];

/// The lists of a `[headers.csp]` that stands in the policy already.
#[derive(Debug, Default)]
pub(super) struct Written(BTreeMap<String, Vec<String>>);

impl Written {
    /// Reads them from a policy's text; `None` when it has no such table.
    pub(super) fn read(policy: &str) -> Option<Self> {
        let table: toml::Table = policy.parse().ok()?;
        let csp = table.get("headers")?.get("csp")?.as_table()?;
        let texts =
            |value: &toml::Value| Some(value.as_array()?.iter().filter_map(|one| one.as_str().map(str::to_owned)).collect());
        Some(Self(csp.iter().filter_map(|(key, value)| Some((key.clone(), texts(value)?))).collect()))
    }
}

/// Hashes that are written stay: the pages that need them may not have been among those that were read.
fn hashes(text: &mut String, key: &str, found: &BTreeMap<String, Inline>, written: &Written) {
    let known = written.0.get(key).map_or(&[][..], Vec::as_slice);
    if found.keys().all(|hash| known.contains(hash)) {
        return;
    }
    let _ = writeln!(text, "{key} = [");
    for hash in known.iter().filter(|hash| !found.contains_key(*hash)) {
        let _ = writeln!(text, "    \"{hash}\",");
    }
    for (hash, inline) in found {
        let _ = writeln!(text, "    \"{hash}\", # {}: {}", inline.page, inline.begins);
    }
    text.push_str("]\n");
}

fn list(sources: &[String]) -> String {
    format!("[{}]", sources.iter().map(|source| format!("\"{source}\"")).collect::<Vec<_>>().join(", "))
}

#[cfg(test)]
mod tests {
    use super::{super::page::read, *};
    use gambeson_core::policy::{Kind, Policy, SECTIONS};

    fn proposal(visits: &[&str]) -> Proposal {
        let pages = visits.iter().map(|html| read(html, "/", &[])).collect();
        Proposal::of(&Pages::from([("/".to_owned(), pages)]))
    }

    #[test]
    fn the_proposal_is_a_policy() {
        let html = "<script>a()</script><style>b{}</style><script src=https://cdn.example/x.js></script><img src=//i.example/y>";
        let found = proposal(&[html, html]);
        let text = found.text(None);
        assert!(Policy::parse(&text).is_ok_and(|policy| policy.warnings.0.is_empty()), "{text}");
        for part in [
            "script_src = [\"'self'\", \"https://cdn.example\"]",
            "img_src = [\"'self'\", \"data:\", \"blob:\", \"https://i.example\"]",
            "script_hashes",
            "style_hashes",
            "style_src = [\"'self'\"]",
        ] {
            assert!(text.contains(part), "{part}: {text}");
        }
        assert!(!found.needs_changes());
    }

    #[test]
    fn a_table_that_is_written_gets_no_twin() {
        let html = "<script>a()</script><style>b{}</style><script src=https://cdn.example/x.js></script>";
        let policy = "[headers.csp]\nscript_src = [\"'self'\", \"https://own.example\"]\nscript_hashes = [\"sha256-47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=\"]\n";
        let found = proposal(&[html]);
        let text = found.text(Written::read(policy).as_ref());
        assert!(!text.lines().any(|line| line.starts_with('[')) && text.contains("each in the place of"), "{text}");
        assert!(text.contains("script_src = [\"'self'\", \"https://own.example\", \"https://cdn.example\"]"), "{text}");
        assert!(text.contains("sha256-47DEQpj8HBSa") && text.contains("style_hashes"), "{text}");
        let mended = format!("[headers.csp]\n{text}");
        assert!(Policy::parse(&mended).is_ok(), "{mended}");
        let again = found.text(Written::read(&mended).as_ref());
        assert!(again.contains("nothing to add"), "{again}");
        assert!(Written::read("[headers]\nfeatures = []").is_none());
    }

    #[test]
    fn style_attributes_keep_inline_styles() {
        let text = proposal(&["<p style='a:b'><style>c{}</style>"]).text(None);
        assert!(text.contains("nothing to add"), "{text}");
    }

    #[test]
    fn what_no_line_can_mend_is_named() {
        let found = proposal(&["<p onclick=a><script>token = 1</script>", "<p onclick=a><script>token = 2</script>"]);
        assert!(found.needs_changes() && found.scripts.is_empty());
        let text = found.text(None);
        assert!(text.contains("<p onclick> on /") && text.contains("token = 2"), "{text}");
        assert!(Policy::parse(&text).is_ok());
    }

    #[test]
    fn a_templates_script_with_a_blank_anywhere_has_no_hash() {
        let html = "<script>const names = ['Anna', 'Berta', 'Carla', 'Dora', 'Emma']; let id = {{ id }}</script>";
        let found = proposal(&[html]);
        assert!(found.scripts.is_empty() && found.needs_changes());
        // At a visit such braces are the script's own.
        assert_eq!(proposal(&[html, html]).scripts.len(), 1);
    }

    #[test]
    fn ordinary_pages_need_no_policy() {
        let page = "<style>b{}</style><link rel=stylesheet href=/a.css><script src=/a.js></script><p style='a:b'>";
        assert!(!proposal(&[page]).needs_policy());
        for page in ["<script>a()</script>", "<p onclick=a>", "<img src=https://i.example/x>", "<script>{{ x }}</script>"] {
            assert!(proposal(&[page]).needs_policy(), "{page}");
        }
    }

    #[test]
    fn the_defaults_are_those_of_the_policy() {
        let headers = SECTIONS.iter().find(|section| section.name == "headers").unwrap();
        let Some(Kind::Table(csp)) = headers.key("csp").map(|key| &key.kind) else { panic!("[headers.csp]") };
        for (key, own) in DEFAULTS.iter().filter(|(key, _)| *key != "object_src") {
            let own: Vec<String> = own.split(' ').map(str::to_owned).collect();
            assert_eq!(csp.key(key).unwrap().default, list(&own), "{key}");
        }
    }
}
