//! What the attacks must know of an app: which page does what, and what to read back as proof.
//!
//! Every part is optional. Without one, the attacks that need it say so instead of guessing.

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::Error;
use crate::encode;

/// The description of an app, a small TOML file beside it. Names in braces (`{text}`) are filled in, encoded for their place.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct App {
    /// What to call it in reports.
    pub name: String,
    /// The cookie that is the session; all are looked at when this is empty.
    pub session_cookie: String,
    /// Paths that make the app fail.
    pub errors: Vec<String>,
    /// Whose data the attacks are after.
    pub victim: Option<User>,
    /// An ordinary account that the attacker has.
    pub attacker: Option<User>,
    /// How to log in.
    pub login: Option<Login>,
    /// How to write something that others read.
    pub write: Option<Write>,
    /// The same as a JSON document: what a program of the app's sends.
    pub json: Option<Write>,
    /// How a script deletes what was written.
    pub delete: Option<Delete>,
    /// A page that shows what was asked.
    pub search: Option<Path>,
    /// Data for scripts.
    pub api: Option<Api>,
    /// A page that shows the request's headers as the app sees them.
    pub echo: Option<Path>,
    /// How to upload a file and see it.
    pub upload: Option<Upload>,
    /// A WebSocket whose first message has the user's secret.
    pub socket: Option<Path>,
    /// Something of the victim's that the attacker should not see.
    pub object: Option<Proof>,
    /// A page that redirects to `{url}` after login.
    pub redirect: Option<Path>,
    /// A download of `{file}`.
    pub file: Option<File>,
    /// Strings that an app without parameters takes for SQL.
    pub sql: Option<Sql>,
    /// A page that puts `{text}` into its own template.
    pub template: Option<Path>,
    /// A page that keeps something in a cookie as a pickle.
    pub pickle: Option<Pickle>,
    /// A page that puts `{text}` into a command of the shell.
    pub command: Option<Ask>,
    /// A page that evaluates `{text}` as Python.
    pub python: Option<Ask>,
    /// A page that fetches `{url}` and shows what is there.
    pub preview: Option<Preview>,
    /// How to send an XML document whose texts others then read.
    pub xml: Option<Write>,
    /// A page that puts `{text}` into an XPath.
    pub xpath: Option<Injected>,
    /// A page that puts `{text}` into a filter of a directory.
    pub ldap: Option<Injected>,
    /// A page that looks for what a JSON document says in a document database.
    pub nosql: Option<Documents>,
    /// How to have the app send a mail.
    pub mail: Option<Mail>,
    /// A page whose path the app writes into a list, one a line.
    pub log: Option<Log>,
    /// Data as a script that calls `{text}` (JSONP).
    pub callback: Option<Path>,
    /// What a forged Flask session would say.
    pub flask: Option<Flask>,
}

/// An account.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct User {
    /// As typed at login.
    pub name: String,
    /// As typed at login.
    pub password: String,
    /// Text that only this user's own pages contain.
    pub secret: String,
}

/// How to log in by a form.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Login {
    /// Where the form is and goes.
    pub path: String,
    /// Its fields, with `{name}` and `{password}`.
    pub fields: BTreeMap<String, String>,
    /// A page that shows the secret of who is logged in.
    pub proof: String,
}

/// How to write something, by a form unless said otherwise.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Write {
    /// Where it is sent.
    pub path: String,
    /// Its fields, with `{text}`.
    pub fields: BTreeMap<String, String>,
    /// The page where the text is then read.
    pub read: String,
}

/// How a script deletes what was written.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Delete {
    /// `DELETE`, `PUT` or `PATCH`: one that needs a preflight.
    pub method: String,
    /// With `{id}`.
    pub path: String,
    /// What stands before the id in the page, the last time before the text.
    pub id_before_text: String,
}

/// One page.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Path {
    /// Path and query, with what the place describes in braces.
    pub path: String,
}

/// Data for scripts.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Api {
    /// The user's secret, for who is logged in.
    pub private: String,
    /// Data for everybody.
    pub public: String,
}

/// How to upload a file and see it.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Upload {
    /// Where the form goes.
    pub path: String,
    /// Its file field.
    pub field: String,
    /// Where it is then read, with `{file}`.
    pub read: String,
    /// A name for `{file}` that leaves the folder of uploads and comes back: `../uploads/{file}`.
    pub escape: Option<String>,
}

/// A page and what it contains.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Proof {
    /// Path and query.
    pub path: String,
    /// Text that proves the page was really seen.
    pub contains: String,
}

/// A download, and a file outside of its folder.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct File {
    /// With `{file}`.
    pub path: String,
    /// Such as `../app.db`.
    pub file: String,
    /// Text that proves the file was really read.
    pub contains: String,
}

/// Strings that an app without parameters takes for SQL.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Sql {
    /// A login name that needs no password.
    pub name: String,
    /// What the proof page then shows.
    pub secret: String,
    /// Search words that read another table.
    pub search: String,
    /// What the search then shows.
    pub contains: String,
    /// Search words that make the database fail with `contains` in its message.
    pub error: Option<String>,
}

/// A page that keeps something in a cookie as a pickle.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Pickle {
    /// With `{text}`, which is kept and shown on the next visit.
    pub path: String,
    /// The cookie: URL-safe base64 of the pickle.
    pub cookie: String,
}

/// A page that takes a value, and an ordinary one.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Ask {
    /// With `{text}`.
    pub path: String,
    /// What a visitor would ask.
    pub value: String,
    /// What the page then shows.
    pub shows: String,
}

/// A page that fetches an address for its visitor.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Preview {
    /// With `{url}`.
    pub path: String,
    /// A page that it may fetch, with `{text}`, which stands on that page. A path is one of the app's own.
    pub own: String,
    /// An address that only the app's machine reaches. Without one the attack listens on a port of this machine.
    pub internal: Option<Proof>,
}

/// A string that an app without escaping takes for a part of its query, and an ordinary one.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Injected {
    /// With `{text}`.
    pub path: String,
    /// The string.
    pub text: String,
    /// What the page then shows.
    pub contains: String,
    /// What a visitor would ask.
    pub value: String,
    /// What the page then shows.
    pub shows: String,
}

/// A place that looks for a value in a document database.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Documents {
    /// Where the JSON document is sent.
    pub path: String,
    /// Its member that is looked for.
    pub field: String,
    /// What is shown of a document that the attacker has no value for.
    pub contains: String,
    /// A value that a visitor has.
    pub value: String,
    /// What is shown for it.
    pub shows: String,
}

/// How to have the app send a mail; the answer tells to whom it goes.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Mail {
    /// Where the form is sent.
    pub path: String,
    /// Its fields, with `{subject}` and `{text}`.
    pub fields: BTreeMap<String, String>,
    /// What the answer says of an ordinary mail: its recipient.
    pub shows: String,
}

/// A list that the app writes, one path a line.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Log {
    /// With `{text}`, which is written into the list.
    pub path: String,
    /// Where the list is read.
    pub read: String,
}

/// A Flask session that only the app should be able to make.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Flask {
    /// JSON, as the app would write it.
    pub payload: String,
    /// What the proof page then shows.
    pub secret: String,
}

impl App {
    /// Reads a description.
    pub fn parse(text: &str) -> Result<App, Error> {
        let app: App = toml::from_str(text).map_err(|error| Error::App(error.to_string()))?;
        let sound = |method: &str| matches!(method, "DELETE" | "PUT" | "PATCH");
        match &app.delete {
            Some(delete) if !sound(&delete.method) => {
                Err(Error::App(format!("[delete] method {:?}: DELETE, PUT or PATCH", delete.method)))
            }
            _ => Ok(app),
        }
    }
}

/// Fills `{key}` into a path.
pub(crate) fn fill(template: &str, key: &str, value: &str) -> String {
    template.replace(&format!("{{{key}}}"), &encode::percent(value))
}

/// Fills several keys into form fields; the form encodes them.
pub(crate) fn fill_fields(fields: &BTreeMap<String, String>, values: &[(&str, &str)]) -> Vec<(String, String)> {
    let one =
        |template: &String| values.iter().fold(template.clone(), |text, (key, value)| text.replace(&format!("{{{key}}}"), value));
    fields.iter().map(|(name, template)| (name.clone(), one(template))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_example_is_understood_and_typing_errors_are_not() {
        let app = App::parse(include_str!("../../../examples/flask-comments/attack.toml")).unwrap();
        assert_eq!(app.victim.unwrap().name, "alice");
        assert!(App::parse("").unwrap().login.is_none());
        assert!(App::parse("logn = 1").is_err());
        assert!(App::parse("[delete]\nmethod = \"GET\"\npath = \"/\"\nid_before_text = \"\"").is_err());
    }

    #[test]
    fn values_are_encoded_for_their_place() {
        assert_eq!(fill("/s?q={text}", "text", "a&b"), "/s?q=a%26b");
        let fields = BTreeMap::from([("n".to_owned(), "{name}".to_owned())]);
        assert_eq!(fill_fields(&fields, &[("name", "O'Brien")]), [("n".to_owned(), "O'Brien".to_owned())]);
    }
}
