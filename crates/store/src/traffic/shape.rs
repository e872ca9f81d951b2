//! Secrets that no name tells: known by what they look like. Attacks look otherwise, so that what is left is judged as before.

use super::mask::blank;

/// How keys of well known services begin.
const BEGINNINGS: [&str; 22] = [
    "AKIA",
    "ASIA",
    "AIza",
    "ya29",
    "ghp_",
    "gho_",
    "ghu_",
    "ghs_",
    "ghr_",
    "github_pat_",
    "glpat-",
    "xoxb-",
    "xoxp-",
    "xoxa-",
    "xoxs-",
    "sk-",
    "sk_live_",
    "rk_live_",
    "npm_",
    "pypi-",
    "hf_",
    "dop_v1_",
];
/// A key is at least so long.
const KEY_MIN: usize = 20;
/// Without a known beginning it must be longer to be told from a word.
const MIXED_MIN: usize = 24;
const BASE64_MIN: usize = 32;
const HEX_MIN: usize = 32;
/// Digits of a payment card's number (ISO/IEC 7812-1).
const CARD: std::ops::RangeInclusive<usize> = 13..=19;

/// The text without them; `None` when there are none.
pub(super) fn hide(text: &str) -> Option<String> {
    let keys = replace(text, |c| c.is_ascii_alphanumeric() || matches!(c, '+' | '/' | '_' | '-'), is_key);
    let shown = keys.as_deref().unwrap_or(text);
    replace(shown, |c| c.is_ascii_digit() || matches!(c, ' ' | '-'), is_card).or(keys)
}

/// Puts a blank in the place of every run of these characters that is a secret; what surrounds it stays.
fn replace(text: &str, is_part: fn(char) -> bool, is_secret: fn(&str) -> bool) -> Option<String> {
    let mut clean = String::with_capacity(text.len());
    let (mut rest, mut found, mut before) = (text, false, None);
    while let Some(first) = rest.chars().next() {
        let length = rest.find(|c| is_part(c) != is_part(first)).unwrap_or(rest.len());
        let (run, after) = rest.split_at_checked(length).unwrap_or((rest, ""));
        // A number that goes on as a word is a part of it.
        let is_whole = |c: Option<char>| !c.is_some_and(char::is_alphanumeric);
        let hidden = is_part(first) && is_whole(before) && is_whole(after.chars().next()) && is_secret(run);
        if hidden {
            found = true;
            clean.push_str(&blank(run.len()));
        } else {
            clean.push_str(run);
        }
        before = run.chars().next_back();
        rest = after;
    }
    found.then_some(clean)
}

fn is_key(run: &str) -> bool {
    let count = |is: fn(&u8) -> bool| run.bytes().filter(is).count();
    let (upper, lower) = (count(u8::is_ascii_uppercase), count(u8::is_ascii_lowercase));
    let (digits, slashes) = (count(u8::is_ascii_digit), count(|byte| *byte == b'/'));
    let plain = run.len() - count(|byte| *byte == b'-');
    let known = run.len() >= KEY_MIN && digits > 0 && BEGINNINGS.iter().any(|begins| run.starts_with(begins));
    let hex =
        plain >= HEX_MIN && digits > 0 && digits < plain && run.bytes().all(|byte| byte.is_ascii_hexdigit() || byte == b'-');
    let mixed = run.len() >= MIXED_MIN && slashes == 0 && upper >= 3 && lower >= 3 && digits >= 3;
    // Paths have more slashes than chance gives.
    let base64 = run.len() >= BASE64_MIN && slashes * 12 <= run.len() && upper >= 5 && lower >= 5 && digits > 0;
    known || hex || mixed || base64
}

/// Whether these digits, in groups or not, are the number of a payment card: the last one is a check (Luhn).
pub(super) fn is_card(run: &str) -> bool {
    let digits: Vec<u32> = run.chars().filter_map(|c| c.to_digit(10)).collect();
    let groups = run.trim_matches([' ', '-']);
    let is_grouped = !groups.contains("  ") && !groups.contains("--");
    let begins = digits.first().is_some_and(|first| (2..=6).contains(first));
    let doubled = |digit: u32| if digit > 4 { digit * 2 - 9 } else { digit * 2 };
    let sum: u32 = digits.iter().rev().enumerate().map(|(at, digit)| if at % 2 == 1 { doubled(*digit) } else { *digit }).sum();
    CARD.contains(&digits.len()) && is_grouped && begins && sum.is_multiple_of(10)
}

#[cfg(test)]
mod tests {
    use super::hide;

    #[test]
    fn what_looks_like_a_secret_gives_way_and_what_surrounds_it_stays() {
        for secret in [
            "AKIAIOSFODNN7EXAMPLE",
            "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
            "ghp_16C7e42F292c6912E7710c838347Ae178B4a",
            "sk_live_4eC39HqLyjWDarjtT1zdp7dc",
            "9f86d081884c7d659a2feaa0c55ad015",
            "0b6b7c1e-93c5-4a6e-9c0e-2f1b6f0c9d11",
            "4111111111111111",
            "4111 1111 1111 1111",
            "3782-822463-10005",
        ] {
            let text = format!("note: {secret}, ok");
            let hidden = hide(&text).unwrap_or_default();
            assert!(!hidden.contains(secret) && hidden.starts_with("note:") && hidden.ends_with(", ok"), "{hidden}");
        }
    }

    #[test]
    fn attacks_and_ordinary_text_stay() {
        for text in [
            "1' UNION SELECT username, password FROM users WHERE id=0x3c7363726970743e616c65727428293c2f7363726970743e--",
            "<img src=x onerror=alert(document.cookie)>",
            "../../../../../../../../etc/passwd",
            "/Users/JohnSmith/Projects2/Backup/IndexPage",
            "{{config.__class__.__init__.__globals__['os'].popen('id').read()}}",
            "how-to-write-a-good-comment-in-2026-and-beyond",
            "1767312245678",
            "4111111111111112",
            "order 2026-11-22 17:19:05",
            "+49 30 901820 12",
            "Donaudampfschifffahrtsgesellschaft",
            "",
        ] {
            assert_eq!(hide(text), None, "{text}");
        }
    }
}
