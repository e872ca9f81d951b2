//! What a path tells: where passwords are guessed, and what is only a file, whatever framework made it.

/// Last segments of such paths, without `-`, `_` and `.`, in lower case.
const WORDS: [&str; 22] = [
    "login",
    "logon",
    "signin",
    "signon",
    "authenticate",
    "auth",
    "token",
    "register",
    "registration",
    "signup",
    "createaccount",
    "passwordreset",
    "resetpassword",
    "forgotpassword",
    "passwordforgotten",
    "recover",
    "passwordchange",
    "changepassword",
    "setpassword",
    "otp",
    "mfa",
    "2fa",
];

/// Whether a decoded path ends like one where people log in, register or reset a password: `/login`, `/accounts/login/`,
/// `/auth/sign-in`, `/accounts/password/reset/`.
pub(in crate::layers) fn is_login(path: &str) -> bool {
    let mut segments = path.rsplit('/').filter(|segment| !segment.is_empty());
    let last = segments.next().map(word).unwrap_or_default();
    let both = segments.next().map(|before| word(before) + &last).unwrap_or_default();
    WORDS.contains(&last.as_str())
        || matches!(both.as_str(), "passwordreset" | "passwordforgot" | "passwordchange" | "passwordset")
}

/// A segment of sixty bytes is no word.
fn word(segment: &str) -> String {
    let letters = segment.bytes().take(60).filter(u8::is_ascii_alphanumeric);
    letters.map(|byte| char::from(byte.to_ascii_lowercase())).collect()
}

/// Endings of files that an app server, or a server before it, reads from disk.
const FILES: [&str; 24] = [
    "css",
    "js",
    "mjs",
    "map",
    "wasm",
    "webmanifest",
    "png",
    "jpg",
    "jpeg",
    "gif",
    "svg",
    "webp",
    "avif",
    "ico",
    "bmp",
    "woff",
    "woff2",
    "ttf",
    "otf",
    "eot",
    "mp3",
    "mp4",
    "webm",
    "ogg",
];

/// Whether a decoded path looks like a file that belongs to a page. An app that answers `/search/x.css` with a search is asked at the
/// rate of files: there a route's own limit helps.
pub(in crate::layers) fn is_file(path: &str) -> bool {
    let last = path.rsplit('/').next().unwrap_or_default();
    let ending = last.rsplit_once('.').map(|(_, ending)| ending).unwrap_or_default();
    FILES.iter().any(|known| known.eq_ignore_ascii_case(ending))
}
