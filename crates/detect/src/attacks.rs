//! Known attacks: what the detectors must find, for trying a policy against them.

use crate::Where;

/// One attack.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attack {
    /// The list it is of: what it attacks.
    pub list: &'static str,
    /// The value that attacks.
    pub bytes: Vec<u8>,
    /// Where it stands in a request.
    pub place: Where,
}

/// The lists, each with the place its values stand in.
const LISTS: &[(&str, &str, Where)] = &[
    ("agents", include_str!("../attacks/agents.txt"), Where::Agent),
    ("header", include_str!("../attacks/header.txt"), Where::Value),
    ("html", include_str!("../attacks/html.txt"), Where::Value),
    ("js", include_str!("../attacks/js.txt"), Where::Value),
    ("ldap", include_str!("../attacks/ldap.txt"), Where::Value),
    ("names", include_str!("../attacks/names.txt"), Where::Name),
    ("nosql", include_str!("../attacks/nosql.txt"), Where::Value),
    ("path", include_str!("../attacks/path.txt"), Where::Value),
    ("python", include_str!("../attacks/python.txt"), Where::Value),
    ("request-paths", include_str!("../attacks/request-paths.txt"), Where::Path),
    ("scanner", include_str!("../attacks/scanner.txt"), Where::Value),
    ("serialised", include_str!("../attacks/serialised.txt"), Where::Value),
    ("shell", include_str!("../attacks/shell.txt"), Where::Value),
    ("sql", include_str!("../attacks/sql.txt"), Where::Value),
    ("template", include_str!("../attacks/template.txt"), Where::Value),
    ("url", include_str!("../attacks/url.txt"), Where::Value),
    ("xml", include_str!("../attacks/xml.txt"), Where::Value),
    ("xpath", include_str!("../attacks/xpath.txt"), Where::Value),
];

/// Every attack of every list.
pub fn attacks() -> impl Iterator<Item = Attack> {
    LISTS.iter().flat_map(|&(list, text, place)| {
        let lines = text.lines().filter(|line| !line.is_empty());
        lines.map(move |line| Attack { list, bytes: unpictured(line), place })
    })
}

/// A line of a list as bytes: pictures of control characters stand for them.
#[must_use]
pub fn unpictured(line: &str) -> Vec<u8> {
    const PICTURES: [(char, &str); 5] = [('␤', "\n"), ('␍', "\r"), ('␀', "\0"), ('␋', "\u{b}"), ('␛', "\u{1b}")];
    PICTURES.iter().fold(line.to_owned(), |line, (picture, control)| line.replace(*picture, control)).into_bytes()
}

#[cfg(test)]
mod tests {
    use super::LISTS;
    use std::{collections::BTreeSet, fs, path::Path};

    #[test]
    fn every_list_of_the_folder_is_here() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("attacks");
        let files: BTreeSet<String> =
            fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        assert_eq!(files, LISTS.iter().map(|(list, ..)| format!("{list}.txt")).collect());
        assert!(super::attacks().count() > 900);
    }
}
