//! Markup that acts (CWE-79): scripts, event handlers, script URLs, frames, and values that leave an attribute.
//!
//! Formatting is no attack: editors of rich text send paragraphs, links, images and tables all day. What counts is what a browser
//! would run or load, found by a tokenizer that reads tags as browsers do (WHATWG HTML section 13.2.5), not by names in a text.

mod markdown;
mod tags;

use crate::{
    decode::entities,
    finding::{Judging, Rule, Step, Text, Where},
    marks::Marks,
};
use tags::{Attribute, Tag, attributes, next_tag};

const fn rule(name: &'static str, score: u8, about: &'static str) -> Rule {
    Rule { name, score, cwe: 79, about }
}

const SCRIPT: Rule = rule("html.script", 8, "a script element");
const HANDLER: Rule = rule("html.handler", 8, "a tag with an event handler");
const HANDLER_IDLE: Rule = rule("html.handler-idle", 3, "a tag with an event handler that does nothing by itself");
const SCRIPT_URL: Rule = rule("html.script-url", 8, "a tag with a URL that is a script");
const FRAME: Rule = rule("html.frame", 6, "a frame, an object or a plug-in");
const EMBED: Rule = rule("html.embed", 4, "a frame with an HTTPS address, as editors embed videos");
const BASE: Rule = rule("html.base", 7, "an element that changes where all links lead, or sends the page elsewhere");
const LINK: Rule = rule("html.link", 6, "a link element that loads from elsewhere");
const STYLE: Rule = rule("html.style", 4, "a style sheet");
const STYLE_ACTIVE: Rule = rule("html.style-active", 6, "a style that loads or runs something");
const FORM: Rule = rule("html.form", 4, "a form");
const FORM_FOREIGN: Rule = rule("html.form-foreign", 6, "a form that sends elsewhere");
const SOURCE: Rule = rule("html.srcdoc", 7, "a document within an attribute");
const ATTRIBUTE: Rule = rule("html.attribute", 7, "a closed attribute and an event handler");
const ATTRIBUTE_BARE: Rule = rule("html.attribute-bare", 6, "an event handler behind an attribute without quotes");
const INCLUDE: Rule = rule("html.include", 8, "a server-side include");
const URL: Rule = rule("html.url", 7, "a URL that is a script");
const URL_DATA: Rule = rule("html.url-data", 6, "a URL that holds a document");

/// All rules of this detector.
pub(crate) const RULES: &[Rule] = &[
    SCRIPT,
    HANDLER,
    HANDLER_IDLE,
    SCRIPT_URL,
    FRAME,
    EMBED,
    BASE,
    LINK,
    STYLE,
    STYLE_ACTIVE,
    FORM,
    FORM_FOREIGN,
    SOURCE,
    ATTRIBUTE,
    ATTRIBUTE_BARE,
    INCLUDE,
    URL,
    URL_DATA,
];

/// A tag, or an attribute with a value, or a scheme.
pub(crate) const NEEDS: Marks = Marks::LESS.or(Marks::EQUAL).or(Marks::COLON);

/// Bytes of a style sheet or script looked at.
const STYLE_BYTES_MAX: usize = 2048;

/// Judges one text.
pub(crate) fn judge(text: &Text<'_>, judging: &mut Judging<'_>) {
    if text.place == Where::Markup || escaped_markup(text) {
        return;
    }
    let bytes = if text.place == Where::Markdown { &*markdown::without_code(text.bytes) } else { text.bytes };
    if text.marks.any(Marks::LESS) {
        // Every byte is seen at most twice: in its tag, and within an attribute's value.
        if !judging.spend(bytes.len().saturating_mul(2)) {
            return;
        }
        markup(bytes, 0, true, text, judging);
    }
    if text.marks.any(Marks::EQUAL) {
        breakout(bytes, text, judging);
    }
    if text.marks.any(Marks::COLON) {
        url(text, judging);
    }
}

/// Markup of which only the entities were decoded was sent so that it is shown, not run, when it stood in other markup.
fn escaped_markup(text: &Text<'_>) -> bool {
    text.steps.contains(&Step::Entities) && text.within_markup
}

/// All tags of a text, and of the values of their attributes.
fn markup(bytes: &[u8], offset: usize, outer: bool, text: &Text<'_>, judging: &mut Judging<'_>) {
    let mut from = 0;
    while let Some(tag) = next_tag(bytes, from) {
        let range = offset + tag.start..offset + tag.end;
        if tag.include {
            judging.found(&INCLUDE, text, range.clone());
        }
        // Who writes about scripts escapes the name of the tag; who smuggles one in sends its end too.
        let mention = text.steps.contains(&Step::Entities) && tag.end <= tag.attributes + 1 && !ends_script(bytes, tag.end);
        if let Some(rule) = element(bytes, &tag).filter(|rule| !(mention && rule.name == SCRIPT.name)) {
            judging.found(rule, text, range.clone());
        }
        attributes(bytes, tag.attributes, &mut |attribute| {
            if let Some(rule) = in_tag(&attribute) {
                judging.found(rule, text, range.clone());
            }
            if outer && memchr::memchr(b'<', attribute.value).is_some() {
                markup(attribute.value, offset + attribute.at, false, text, judging);
            }
        });
        from = tag.end.max(from + 1);
    }
}

/// Whether the end of a script is near.
fn ends_script(bytes: &[u8], from: usize) -> bool {
    let rest = bytes.get(from..).unwrap_or_default();
    let near = rest.get(..rest.len().min(STYLE_BYTES_MAX)).unwrap_or_default();
    memchr::memmem::find(near, b"</").is_some()
}

/// What an element is by its name.
fn element(bytes: &[u8], tag: &Tag<'_>) -> Option<&'static Rule> {
    let name = tag.name.rsplit(|b| *b == b':').next()?.to_ascii_lowercase();
    match name.as_slice() {
        b"script" => Some(&SCRIPT),
        b"iframe" | b"object" | b"embed" | b"applet" | b"frame" | b"frameset" | b"portal" | b"fencedframe" => {
            loads(bytes, tag).then(|| if https_only(bytes, tag) { &EMBED } else { &FRAME })
        }
        b"base" => attribute(bytes, tag, b"href").map(|_| &BASE),
        b"meta" => attribute(bytes, tag, b"http-equiv").filter(|kind| redirects(kind)).map(|_| &BASE),
        b"link" => attribute(bytes, tag, b"href").map(|href| if foreign(href) { &LINK } else { &STYLE }),
        b"style" => {
            // Up to the next tag, so that many sheets cost no more than one.
            let sheet = bytes.get(tag.end..).unwrap_or_default();
            let length = memchr::memchr(b'<', sheet).unwrap_or(sheet.len()).min(STYLE_BYTES_MAX);
            Some(if active_style(sheet.get(..length).unwrap_or_default()) { &STYLE_ACTIVE } else { &STYLE })
        }
        b"form" => Some(if attribute(bytes, tag, b"action").is_some_and(foreign) { &FORM_FOREIGN } else { &FORM }),
        _ => None,
    }
}

/// The value of an attribute of a tag.
fn attribute<'a>(bytes: &'a [u8], tag: &Tag<'_>, name: &[u8]) -> Option<&'a [u8]> {
    let mut found = None;
    attributes(bytes, tag.attributes, &mut |attribute: Attribute<'a>| {
        if found.is_none() && attribute.name.eq_ignore_ascii_case(name) {
            found = Some(attribute.value);
        }
    });
    found
}

/// Whether a frame or object has anything to load; `Array<object>` has not.
fn loads(bytes: &[u8], tag: &Tag<'_>) -> bool {
    let names = [&b"src"[..], b"data", b"code", b"srcdoc", b"classid", b"codebase", b"archive", b"object"];
    names.iter().any(|name| attribute(bytes, tag, name).is_some_and(|value| !value.is_empty()))
}

/// The kinds of `http-equiv` that do more than say what the document is.
fn redirects(kind: &[u8]) -> bool {
    let kind = kind.trim_ascii();
    [&b"refresh"[..], b"set-cookie", b"content-security-policy", b"default-style"].iter().any(|k| kind.eq_ignore_ascii_case(k))
}

/// A frame as editors embed videos and maps: an HTTPS address and no document of its own.
fn https_only(bytes: &[u8], tag: &Tag<'_>) -> bool {
    let src = attribute(bytes, tag, b"src").unwrap_or_default().trim_ascii();
    // Within a JSON document the quotes are escaped: `src=\"https://`.
    let src = src.strip_prefix(b"\\\"").unwrap_or(src);
    let https = src.get(..8).is_some_and(|s| s.eq_ignore_ascii_case(b"https://")) || src.starts_with(b"//");
    https && tag.name.eq_ignore_ascii_case(b"iframe")
}

/// Whether an address leads to another host.
fn foreign(address: &[u8]) -> bool {
    let address = address.trim_ascii();
    address.starts_with(b"//") || address.starts_with(b"\\\\") || memchr::memmem::find(address, b"://").is_some_and(|at| at < 12)
}

/// What an attribute does within a tag.
fn in_tag(attribute: &Attribute<'_>) -> Option<&'static Rule> {
    if is_handler(attribute.name) {
        return (!attribute.value.is_empty()).then_some(if idle(attribute.value) { &HANDLER_IDLE } else { &HANDLER });
    }
    let name = attribute.name.to_ascii_lowercase();
    match name.as_slice() {
        b"srcdoc" => Some(&SOURCE),
        b"style" => active_style(attribute.value).then_some(&STYLE_ACTIVE),
        b"href" | b"src" | b"action" | b"formaction" | b"data" | b"to" | b"from" | b"values" | b"by" | b"background"
        | b"code" | b"content" | b"poster" | b"ping" | b"dynsrc" | b"lowsrc" | b"folder" | b"value" => {
            script_url(attribute.value)
        }
        _ if name.ends_with(b":href") => script_url(attribute.value),
        _ => None,
    }
}

fn script_url(value: &[u8]) -> Option<&'static Rule> {
    match scheme(value) {
        Some(Scheme::Script(rest)) if !void(&rest) => Some(&SCRIPT_URL),
        Some(Scheme::Document) => Some(&SCRIPT_URL),
        _ => None,
    }
}

/// `javascript:void(0)` and `javascript:;`, which old pages use for links that go nowhere.
fn void(rest: &[u8]) -> bool {
    let bare: Vec<u8> = rest.iter().copied().filter(|b| !b.is_ascii_whitespace() && *b != b';').take(16).collect();
    matches!(bare.as_slice(), b"void(0)" | b"" | b"void0")
}

/// The schemes that run something.
enum Scheme {
    /// A script, and what follows the colon.
    Script(Vec<u8>),
    /// A document with scripts in it.
    Document,
}

/// Reads the scheme of a URL as browsers do: entities decoded, white space and control characters dropped.
fn scheme(value: &[u8]) -> Option<Scheme> {
    let head = value.get(..value.len().min(256)).unwrap_or_default();
    let decoded = if memchr::memchr(b'&', head).is_some() { entities(head) } else { None };
    let plain: Vec<u8> = decoded.as_deref().unwrap_or(head).iter().copied().filter(|b| *b > b' ').take(200).collect();
    let colon = memchr::memchr(b':', &plain).filter(|at| *at <= 16)?;
    let (name, rest) = (plain.get(..colon)?.to_ascii_lowercase(), plain.get(colon + 1..)?);
    match name.as_slice() {
        b"javascript" | b"vbscript" | b"livescript" | b"jscript" => Some(Scheme::Script(rest.to_vec())),
        b"data" => {
            let kind = rest.get(..rest.len().min(24))?.to_ascii_lowercase();
            let runs =
                [&b"text/html"[..], b"text/xml", b"application/x", b"text/javascript", b"image/svg", b"application/javascript"];
            runs.iter().any(|r| kind.starts_with(r)).then_some(Scheme::Document)
        }
        _ => None,
    }
}

/// A style that loads a script, or a sheet from elsewhere.
fn active_style(style: &[u8]) -> bool {
    let style = style.to_ascii_lowercase();
    let finds = |what: &[u8]| memchr::memmem::find(&style, what).is_some();
    finds(b"expression(") || finds(b"javascript:") || finds(b"-moz-binding") || finds(b"behavior:") || finds(b"@import")
}

/// `onload` and its kin: browsers add new ones every year, so the form counts; a few English words have it too.
fn is_handler(name: &[u8]) -> bool {
    let Some((b"on", rest)) = name.get(..name.len().min(2)).map(|on| (lower2(on), name.get(2..).unwrap_or_default())) else {
        return false;
    };
    let word = rest.to_ascii_lowercase();
    rest.len() >= 3
        && rest.iter().all(|b| b.is_ascii_alphanumeric() || *b == b'-')
        && !matches!(
            word.as_slice(),
            b"going" | b"boarding" | b"boarded" | b"tology" | b"ward" | b"wards" | b"ion" | b"ions" | b"eself"
        )
}

fn lower2(pair: &[u8]) -> &'static [u8] {
    if pair.eq_ignore_ascii_case(b"on") { b"on" } else { b"" }
}

/// The handlers of browsers by name: outside a tag, where code has names of its own.
fn is_event(name: &[u8]) -> bool {
    const EVENTS: &[&str] = &[
        "abort",
        "activate",
        "afterprint",
        "animationend",
        "animationiteration",
        "animationstart",
        "auxclick",
        "beforecopy",
        "beforecut",
        "beforeinput",
        "beforematch",
        "beforepaste",
        "beforeprint",
        "beforetoggle",
        "beforeunload",
        "begin",
        "blur",
        "bounce",
        "cancel",
        "canplay",
        "canplaythrough",
        "change",
        "click",
        "close",
        "contentvisibilityautostatechange",
        "contextmenu",
        "copy",
        "cuechange",
        "cut",
        "dblclick",
        "drag",
        "dragend",
        "dragenter",
        "dragleave",
        "dragover",
        "dragstart",
        "drop",
        "durationchange",
        "end",
        "ended",
        "error",
        "finish",
        "focus",
        "focusin",
        "focusout",
        "formdata",
        "fullscreenchange",
        "gotpointercapture",
        "hashchange",
        "input",
        "invalid",
        "keydown",
        "keypress",
        "keyup",
        "load",
        "loadeddata",
        "loadedmetadata",
        "loadstart",
        "lostpointercapture",
        "message",
        "mousedown",
        "mouseenter",
        "mouseleave",
        "mousemove",
        "mouseout",
        "mouseover",
        "mouseup",
        "mousewheel",
        "pagehide",
        "pageshow",
        "paste",
        "pause",
        "play",
        "playing",
        "pointercancel",
        "pointerdown",
        "pointerenter",
        "pointerleave",
        "pointermove",
        "pointerout",
        "pointerover",
        "pointerrawupdate",
        "pointerup",
        "popstate",
        "progress",
        "ratechange",
        "readystatechange",
        "repeat",
        "reset",
        "resize",
        "scroll",
        "scrollend",
        "search",
        "securitypolicyviolation",
        "seeked",
        "seeking",
        "select",
        "selectionchange",
        "selectstart",
        "show",
        "slotchange",
        "start",
        "submit",
        "suspend",
        "timeupdate",
        "toggle",
        "touchcancel",
        "touchend",
        "touchmove",
        "touchstart",
        "transitioncancel",
        "transitionend",
        "transitionrun",
        "transitionstart",
        "unhandledrejection",
        "unload",
        "volumechange",
        "webkitanimationend",
        "webkitanimationiteration",
        "webkitanimationstart",
        "webkittransitionend",
        "wheel",
    ];
    is_handler(name) && name.get(2..).is_some_and(|event| EVENTS.iter().any(|e| event.eq_ignore_ascii_case(e.as_bytes())))
}

/// A handler that cannot do anything: only names, or an arrow function of JSX that a browser never calls.
fn idle(value: &[u8]) -> bool {
    let value = value.trim_ascii();
    let names = value.iter().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'.' | b'{' | b'}' | b' ' | b'"' | b'\''));
    let balance =
        |open: u8, close: u8| value.iter().filter(|b| **b == open).count() == value.iter().filter(|b| **b == close).count();
    let arrow = value.starts_with(b"{()=>") || value.starts_with(b"{() =>") || value.starts_with(b"{(e)=>");
    names || (value.starts_with(b"{") && (arrow || !balance(b'{', b'}') || !balance(b'(', b')')))
}

/// Values that close an attribute and go on with an event handler.
fn breakout(bytes: &[u8], text: &Text<'_>, judging: &mut Judging<'_>) {
    for quote in [b'"', b'\''] {
        let Some(at) = memchr::memchr(quote, bytes) else { continue };
        if let Some(end) = handler_behind(bytes, at + 1, 64) {
            judging.found(&ATTRIBUTE, text, at..end);
        }
    }
    // Without quotes white space ends the attribute; a handler that is called counts, right behind the first word.
    let first = bytes.iter().position(|b| b.is_ascii_whitespace() || *b == b'/');
    if let Some(end) = first.and_then(|at| handler_behind(bytes, at, 1)) {
        judging.found(&ATTRIBUTE_BARE, text, first.unwrap_or(0)..end);
    }
    judging.spend(bytes.len().min(4096));
}

/// Whether one of the next attributes, before the tag ends, is a handler that does something; where it ends.
fn handler_behind(bytes: &[u8], at: usize, within: usize) -> Option<usize> {
    let near = bytes.get(..bytes.len().min(at.saturating_add(4096)))?;
    let (mut count, mut found) = (0, None);
    attributes(near, at, &mut |attribute| {
        count += 1;
        if count <= within && found.is_none() && is_event(attribute.name) && calls(attribute.value) {
            found = Some(attribute.at + attribute.value.len());
        }
    });
    found
}

/// Whether a piece of script calls or assigns something.
fn calls(value: &[u8]) -> bool {
    !idle(value) && memchr::memchr3(b'(', b'`', b'=', value).is_some() || memchr::memchr(b'&', value).is_some()
}

/// A value that as a whole is a URL that runs something.
fn url(text: &Text<'_>, judging: &mut Judging<'_>) {
    let end = text.bytes.len();
    // `javascript`, `vbscript`, `data`, `livescript`, also by their entities.
    let first = text.bytes.iter().find(|b| **b > b' ');
    if !first.is_some_and(|b| b"jJvVdDlL&".contains(b)) {
        return;
    }
    match scheme(text.bytes) {
        Some(Scheme::Script(rest)) if !void(&rest) && code(text.bytes) => judging.found(&URL, text, 0..end),
        Some(Scheme::Document) => judging.found(&URL_DATA, text, 0..end),
        _ => {}
    }
}

/// Whether what follows the colon is code: "JavaScript: the good parts" is not.
fn code(url: &[u8]) -> bool {
    let rest = memchr::memchr(b':', url).and_then(|at| url.get(at + 1..)).unwrap_or_default();
    let signs = rest.iter().any(|b| matches!(b, b'(' | b'`' | b'=' | b'%' | b'&' | b'\\'));
    let prose = rest.first() == Some(&b' ') && rest.iter().filter(|b| **b == b' ').count() >= 3;
    (signs || rest.starts_with(b"//")) && !prose
}
