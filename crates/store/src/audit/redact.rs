//! The last line of defence against secrets in the log.
//!
//! Layers mask values where they make findings of them ([`gambeson_core::record::shown_under`]). Should one forget,
//! what looks like a credential is masked here as well: values under the name of a secret, tokens after an
//! authentication scheme, JSON Web Tokens, private keys (CWE-532, ASVS 5.0 16.2.5). This is a net, not the rule: a
//! password that looks like a word and stands under no name passes it.

use super::event::Event;
use gambeson_core::record::is_secret_name;

const MASK: &str = "(masked)";
/// Behind so many credentials nothing more of a text is shown.
const CREDENTIALS_MAX: usize = 64;
const SCHEMES: [&str; 3] = ["Bearer ", "Basic ", "Digest "];
/// What a token is made of: the alphabets of base64, base64url and JSON Web Tokens.
const TOKEN: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.~+/=";

/// The event without what looks like a credential.
pub(super) fn redact(mut event: Event) -> Event {
    match &mut event {
        Event::Exchange(record) => {
            for finding in &mut record.findings {
                if names_secret(&finding.part) && !finding.value.is_empty() && !finding.value.contains("masked") {
                    finding.value = format!("({} bytes, masked)", finding.value.len());
                }
                mask_text(&mut finding.value);
                clean(&mut finding.allow, &[after_scheme, web_token, private_key]);
                clean(finding.why.to_mut(), &[after_scheme, web_token, private_key]);
            }
            clean(&mut record.path, &[after_scheme, web_token]);
            record.original.iter_mut().for_each(mask_text);
        }
        Event::Notice { detail, .. } => clean(detail, &[after_scheme, web_token, private_key]),
        Event::Opened { .. } | Event::Lost { .. } | Event::Recovered { .. } => {}
    }
    event
}

/// Masks every credential in a text.
pub fn mask_text(text: &mut String) {
    clean(text, &[after_scheme, web_token, private_key, pair]);
}

/// `header authorization`, `query token`: whether the part itself is the secret. (An authority is a host.)
fn names_secret(part: &str) -> bool {
    part.split_once(' ').is_some_and(|(_, name)| is_secret_name(name) && !name.ends_with("authority"))
}

/// Splits a text around the first credential of a kind.
type Kind = fn(&str) -> Option<(&str, &str)>;

/// Replaces every credential of these kinds.
fn clean(text: &mut String, kinds: &[Kind]) {
    let mut cleaned = String::new();
    let mut rest = text.as_str();
    for count in 0_usize.. {
        let Some((before, after)) = kinds.iter().filter_map(|kind| kind(rest)).min_by_key(|(before, _)| before.len()) else {
            break;
        };
        cleaned.push_str(before);
        cleaned.push_str(MASK);
        // Each is looked for anew: what is nothing but credentials must not cost more than it says.
        rest = if count < CREDENTIALS_MAX { after } else { "" };
    }
    if !cleaned.is_empty() {
        cleaned.push_str(rest);
        *text = cleaned;
    }
}

/// `Bearer …`, `Basic …`: what follows an authentication scheme.
fn after_scheme(text: &str) -> Option<(&str, &str)> {
    const SHORTEST: usize = 6;
    let long = SCHEMES.iter().filter_map(|scheme| {
        let tokens = text.match_indices(scheme).map(|(start, _)| token(text, start + scheme.len()));
        tokens.into_iter().find(|(before, after)| text.len() - before.len() - after.len() >= SHORTEST)
    });
    long.min_by_key(|(before, _)| before.len())
}

fn web_token(text: &str) -> Option<(&str, &str)> {
    // `{"` in base64: how the header of every JSON Web Token begins.
    let starts = text.match_indices("eyJ").map(|(start, _)| start);
    starts.map(|start| token(text, start)).find(|(before, after)| {
        let token = text.get(before.len()..text.len() - after.len()).unwrap_or_default();
        token.len() >= 20 && token.contains('.')
    })
}

fn private_key(text: &str) -> Option<(&str, &str)> {
    let start = text.find("PRIVATE KEY-----")?;
    // To its end, or to the end of the text where it was cut.
    let after = text.get(start..).and_then(|key| key.split_once("-----END").map(|(_, after)| after)).unwrap_or_default();
    text.get(..start).map(|before| (before, after))
}

/// `password=hunter2`, `"token": "…"`, `SECRET_KEY = '…'`: what stands under the name of a secret.
fn pair(text: &str) -> Option<(&str, &str)> {
    let is_name = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
    for (at, sign) in text.match_indices(['=', ':']) {
        // Quotes of a document within a document are escaped.
        let before = text.get(..at)?.trim_end_matches([' ', '"', '\'', '\\']);
        let name = before.rsplit(|c| !is_name(c)).next().unwrap_or_default();
        if !is_secret_name(name) {
            continue;
        }
        let written = text.get(at + sign.len()..)?;
        let value = written.trim_start_matches([' ', '"', '\'', '\\']);
        let quote = written.trim_start_matches([' ', '\\']).chars().next().filter(|c| matches!(c, '"' | '\''));
        let value = SCHEMES.iter().find_map(|scheme| value.strip_prefix(scheme)).unwrap_or(value);
        let ends: &[char] =
            if is_cookie(name) { &['\n'] } else { &['"', '\'', '&', ';', ',', '<', '>', ')', ' ', '\n', '\r', '\t', '\\'] };
        // A phrase in quotes goes to their end.
        let quoted = quote.filter(|_| !is_cookie(name)).and_then(|quote| value.find(quote));
        let end = quoted.or_else(|| value.find(ends)).unwrap_or(value.len());
        // What is a name itself has its value behind it.
        let next = value.get(end..)?.trim_start_matches([' ', '"', '\'', '\\']);
        let length = if next.starts_with([':', '=']) { value.len() } else { end };
        if length > 0 && !value.starts_with('(') {
            return Some((text.get(..text.len() - value.len())?, value.get(length..)?));
        }
    }
    None
}

/// A cookie header holds many pairs, and any of them may be the session.
fn is_cookie(name: &str) -> bool {
    name.to_ascii_lowercase().contains("cookie")
}

/// Splits around the run of token characters at `start`.
fn token(text: &str, start: usize) -> (&str, &str) {
    let (before, rest) = text.split_at_checked(start).unwrap_or((text, ""));
    let length = rest.bytes().take_while(|b| TOKEN.contains(b)).count();
    (before, rest.get(length..).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn masked(text: &str) -> String {
        let mut text = text.to_owned();
        mask_text(&mut text);
        text
    }

    #[test]
    fn what_looks_like_a_credential_is_masked() {
        for (text, expected) in [
            ("Authorization: Bearer abc.def-123", "Authorization: Bearer (masked)"),
            ("sent Bearer abc.def-123!", "sent Bearer (masked)!"),
            ("Basic dXNlcjpwYXNz", "Basic (masked)"),
            ("Cookie: a=b; session=abc", "Cookie: (masked)"),
            ("x eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2ln y", "x (masked) y"),
            ("-----BEGIN PRIVATE KEY-----\nMIIE\n-----END PRIVATE KEY-----", "-----BEGIN (masked) (masked)"),
            ("login failed: password=hunter2&user=bob", "login failed: password=(masked)&user=bob"),
            (r#"{"api_key": "k-123", "page": 2}"#, r#"{"api_key": "(masked)", "page": 2}"#),
            (r#"login(password: "correct horse battery", n: 1)"#, r#"login(password: "(masked)", n: 1)"#),
            (r#"{\"password\":\"hunter2\",\"a\":1}"#, r#"{\"password\":\"(masked)",\"a\":1}"#),
            (r#"cookie:"password":"hunter2""#, r#"cookie:"(masked)"#),
            (r#"key:"password":"hunter2""#, r#"key:"(masked)"#),
            ("SECRET_KEY = 'dev'\nDEBUG = True", "SECRET_KEY = '(masked)'\nDEBUG = True"),
        ] {
            assert_eq!(masked(text), expected, "{text}");
        }
    }

    #[test]
    fn ordinary_text_stays() {
        for text in [
            "the Bearer of this letter",
            "Basic idea: keep it simple",
            "/articles/eyJ",
            "header sec-fetch-site: cross-site",
            "File \"app.py\", line 41, in view",
            "password: (7 bytes, masked)",
            "keyword=python&author=alice",
        ] {
            assert_eq!(masked(text), text);
        }
    }

    #[test]
    fn behind_many_credentials_nothing_is_shown() {
        let text = masked(&("token=abcdef&".repeat(500) + "password=hunter2 hunter3"));
        assert!(text.matches(MASK).count() == CREDENTIALS_MAX + 1 && !text.contains("hunter"), "{text}");
    }

    proptest! {
        #[test]
        fn hostile_text_neither_panics_nor_loops(text in "(Bearer |Basic |eyJ|PRIVATE KEY-----|key=|password: |[a-z.=\"'ї ]){0,40}") {
            let once = masked(&text);
            prop_assert_eq!(masked(&once), once.clone());
        }
    }
}
