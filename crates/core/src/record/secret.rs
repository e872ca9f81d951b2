//! Names of what is secret, read word by word: `api_key` is one, `keyword` is none.

/// Parts of names that are found in no other words.
const PARTS: [&str; 20] = [
    "passw",
    "passphrase",
    "passcode",
    "pwd",
    "secret",
    "token",
    "cookie",
    "session",
    "sessid",
    "signature",
    "credential",
    "jwt",
    "authoriz",
    "authoris",
    "authent",
    "apikey",
    "kennwort",
    "wachtwoord",
    "contrase",
    "motdepasse",
];

/// Whole words.
const WORDS: [&str; 23] = [
    "pass", "passe", "pw", "pin", "pincode", "otp", "totp", "hotp", "mfa", "2fa", "tan", "cvv", "cvc", "csc", "sid", "sig",
    "hmac", "bearer", "psk", "senha", "clave", "haslo", "parola",
];

/// Words that end like a key and open nothing.
const NO_KEYS: [&str; 9] = ["monkey", "donkey", "turkey", "hockey", "jockey", "whiskey", "hotkey", "lackey", "mickey"];

/// What stands before a `code` that everybody may know.
const KNOWN_CODES: [&str; 22] = [
    "country", "postal", "post", "zip", "area", "lang", "language", "locale", "currency", "status", "error", "http", "response",
    "exit", "color", "colour", "product", "region", "state", "airport", "source", "tax",
];

/// How words begin that are codes only their owner may know: `authcode`.
const OWN_CODES: [&str; 11] =
    ["auth", "access", "reset", "verif", "confirm", "login", "sms", "device", "recovery", "backup", "security"];

/// Whether a header or parameter of that name may carry a secret.
#[must_use]
pub fn is_secret_name(name: &str) -> bool {
    let lower = name.to_ascii_lowercase();
    if PARTS.iter().any(|part| lower.contains(part)) {
        return true;
    }
    let words = words(name);
    let before = std::iter::once("").chain(words.iter().map(String::as_str));
    words.iter().zip(before).any(|(word, before)| {
        let one = word.strip_suffix('s').unwrap_or(word);
        is_secret_word(word, before) || is_secret_word(one, before)
    })
}

fn is_secret_word(word: &str, before: &str) -> bool {
    let is_key = word.ends_with("key") && !NO_KEYS.contains(&word);
    let is_auth = (word.starts_with("auth") && !word.starts_with("author")) || word.ends_with("auth");
    let is_code = (word == "code" && !KNOWN_CODES.contains(&before))
        || word.strip_suffix("code").is_some_and(|own| OWN_CODES.iter().any(|begins| own.starts_with(begins)));
    is_key || is_auth || is_code || WORDS.contains(&word)
}

/// The words of a name in lower case, without the numbers behind them: `X-CSRFKey2` is `x`, `csrf`, `key`.
fn words(name: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let letters: Vec<char> = name.chars().collect();
    for (at, &c) in letters.iter().enumerate() {
        let (before, after) = (at.checked_sub(1).and_then(|at| letters.get(at)), letters.get(at + 1));
        let is_hump = c.is_ascii_uppercase()
            && (before.is_some_and(char::is_ascii_lowercase) || after.is_some_and(char::is_ascii_lowercase));
        if is_hump || !c.is_ascii_alphanumeric() {
            words.push(String::new());
        }
        if c.is_ascii_alphanumeric() {
            words.last_mut().into_iter().for_each(|word| word.push(c.to_ascii_lowercase()));
        }
    }
    let bare = |word: String| word.trim_end_matches(|c: char| c.is_ascii_digit()).to_owned();
    words.into_iter().map(bare).filter(|word| !word.is_empty()).collect()
}

#[cfg(test)]
mod tests {
    use super::is_secret_name;

    #[test]
    fn names_of_secrets_are_known_however_they_are_written() {
        for name in [
            "api_key",
            "apikey",
            "apiKey",
            "APIKey",
            "X-API-Key",
            "x-auth-token",
            "auth",
            "authorization",
            "Proxy-Authorization",
            "oauth",
            "oauth2",
            "xauth",
            "access_token",
            "accessToken",
            "csrfmiddlewaretoken",
            "X-CSRFToken",
            "sessionid",
            "PHPSESSID",
            "connect.sid",
            "password",
            "password2",
            "newPassword",
            "user_pass",
            "pass",
            "passwd",
            "pw",
            "pwd",
            "client_secret",
            "secretKey",
            "private-key",
            "sshkey",
            "keys",
            "key1",
            "license_key",
            "AWSAccessKeyId",
            "X-Amz-Signature",
            "sig",
            "credentials",
            "jwt",
            "otp",
            "pin",
            "PIN",
            "user[pin]",
            "code",
            "verification_code",
            "authcode",
            "recovery_codes",
            "cvv",
            "2fa",
            "mfa",
            "cookie",
            "Passwort",
            "kennwort",
        ] {
            assert!(is_secret_name(name), "{name}");
        }
    }

    #[test]
    fn other_words_with_the_same_letters_are_none() {
        for name in [
            "",
            "keyword",
            "keywords",
            "keyboard",
            "author",
            "authors",
            "co_author",
            "authority",
            ":authority",
            "monkey",
            "monkeys",
            "turkey",
            "compass",
            "passenger",
            "bypass",
            "shipping",
            "opinion",
            "spinner",
            "pinned",
            "country_code",
            "countryCode",
            "zip_code",
            "postcode",
            "barcode",
            "unicode",
            "encode",
            "laptop",
            "footprint",
            "title",
            "text",
            "q",
            "signal",
            "design",
            "tangent",
            "assign",
        ] {
            assert!(!is_secret_name(name), "{name}");
        }
    }
}
