//! Where passwords are guessed: paths that look like a login, whatever framework made them.

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
pub(super) fn is_login(path: &str) -> bool {
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
