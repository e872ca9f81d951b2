//! What this layer finds: the detectors' rules, and its own.

use crate::layers::Rule;
use std::sync::LazyLock;

const OWN: [Rule; 7] = [
    Rule {
        name: "ambiguous",
        about: "A query or body can be read in two ways, and the app's framework may choose the other one; it is refused.",
        why: "What the filter reads and what the app reads must be one thing (CWE-436).",
    },
    Rule {
        name: "unreadable",
        about: "A body is not what its content type says, or nested deeper or in more parts than anybody needs; it is refused.",
        why: "What cannot be read cannot be judged (CWE-20, CWE-400).",
    },
    Rule {
        name: "work",
        about: "To judge the request would take more work than it is worth; it is refused, or passes if the policy says so.",
        why: "Inputs that are made to be slow must not be a way to pass or to stop the gateway (CWE-400, CWE-636).",
    },
    Rule {
        name: "reflected-markup",
        about: "Markup that came with the request stands in the page as markup; a clean page takes its place.",
        why: "The app wrote a visitor's input into its page without encoding it: reflected XSS (CWE-79).",
    },
    Rule {
        name: "crs",
        about: "A rule of the folder that `intrusion.crs.path` names refuses the request or the answer; the log says which.",
        why: "What these rules defend against is said in their own files and tags.",
    },
    Rule {
        name: "crs-detected",
        about: "Rules of a folder that says `SecRuleEngine DetectionOnly` match; nothing is refused, and all of them are noted.",
        why: "A rule set that is only watched must be seen to find something (CWE-778).",
    },
    Rule {
        name: "crs-partial",
        about: "A body is longer than `intrusion.crs.body`; the rules judged its beginning, and that is noted.",
        why: "Who watches must know what was not judged (CWE-778).",
    },
];

/// Every rule: made once from the detectors' own, which say their weakness by its number.
pub static RULES: LazyLock<Vec<Rule>> = LazyLock::new(|| {
    let of_detector = |rule: &'static gambeson_detect::Rule| Rule {
        name: rule.name,
        // As long-lived as the list, which is made once.
        about: String::leak(sentence(rule.about)),
        why: String::leak(format!("CWE-{}; it scores {} of 10.", rule.cwe, rule.score)),
    };
    OWN.into_iter().chain(gambeson_detect::rules().map(of_detector)).collect()
});

fn sentence(about: &str) -> String {
    let mut letters = about.chars();
    letters.next().map(|first| format!("{}{}.", first.to_uppercase(), letters.as_str())).unwrap_or_default()
}
