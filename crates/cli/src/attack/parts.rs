//! The layer `intrusion` in two parts: our own detectors, and the rule set that a policy names beside them.

use crate::{Failure, Result};
use gambeson_attack::{LAYERS, RULE_SET};
use gambeson_core::{layers, policy::LayerName};
use std::path::Path;
use toml::{Table, Value};

/// A policy of which parts can be switched off.
pub(crate) struct Parts(Table);

impl Parts {
    /// Reads it; `folder` is where it stands, as the rule set's place counts from there.
    pub(crate) fn of(policy: &str, folder: &Path) -> Result<Self> {
        let mut policy: Table = policy.parse().map_err(|error| Failure::new(format!("the policy: {error}")))?;
        if let Some(path) = rule_set(&mut policy).and_then(|rules| rules.get_mut("path")) {
            *path = folder.join(path.as_str().unwrap_or_default()).display().to_string().into();
        }
        Ok(Self(policy))
    }

    /// The layers, and the rule set where there is one.
    pub(crate) fn names(&self) -> Vec<&'static str> {
        let has_rules = rule_set(&mut self.0.clone()).is_some_and(|rules| rules.contains_key("path"));
        let within = |layer: &'static str| [Some(layer), (has_rules && layer == "intrusion").then_some(RULE_SET)];
        LAYERS.into_iter().flat_map(within).flatten().collect()
    }

    /// The policy without these, as far as it says so, and the layers that are to be switched off besides.
    pub(crate) fn without<'a>(&self, off: &[&'a str]) -> (String, Vec<&'a str>) {
        let (detectors, rules) = (off.contains(&"intrusion"), off.contains(&RULE_SET));
        let mut policy = self.0.clone();
        if rules && let Some(section) = rule_set(&mut policy) {
            section.insert("mode".into(), "off".into());
        }
        // The layer stays on for its rule set; none of its own findings counts.
        let own_off = detectors && !rules && self.names().contains(&RULE_SET);
        if own_off && let Some(section) = policy.get_mut("intrusion").and_then(Value::as_table_mut) {
            section.insert("allow".into(), detectors_of_ours().into());
            section.extend([("ambiguous", "pass"), ("spent", "pass"), ("reflection", "0")].map(|(k, v)| (k.into(), v.into())));
        }
        let layers = off.iter().copied().filter(|name| *name != RULE_SET && !(own_off && *name == "intrusion"));
        (policy.to_string(), layers.collect())
    }
}

fn rule_set(policy: &mut Table) -> Option<&mut Table> {
    policy.get_mut("intrusion")?.as_table_mut()?.get_mut("crs")?.as_table_mut()
}

/// The detectors that the layer has, by name.
fn detectors_of_ours() -> Vec<String> {
    let mut names: Vec<String> = layers::rules(LayerName::Intrusion)
        .iter()
        .filter_map(|rule| rule.name.split_once('.'))
        .map(|(detector, _)| detector.to_owned())
        .collect();
    names.dedup();
    names
}

#[cfg(test)]
mod tests {
    use super::*;
    use gambeson_core::policy::Policy;

    const RULES: &str = "[intrusion]\nthreshold = 4\n[intrusion.crs]\npath = \"crs\"";

    fn parts(policy: &str) -> Parts {
        Parts::of(policy, Path::new("/srv/shop")).unwrap()
    }

    #[test]
    fn a_rule_set_is_a_part_where_there_is_one() {
        assert_eq!(parts("[intrusion]\nthreshold = 4").names(), LAYERS);
        let names = parts(RULES).names();
        let at = names.iter().position(|name| *name == RULE_SET).unwrap();
        assert_eq!((names.len(), names[at - 1]), (LAYERS.len() + 1, "intrusion"));
    }

    #[test]
    fn each_part_is_switched_off_by_itself_and_both_as_the_layer() {
        let (detectors, layers) = parts(RULES).without(&["csrf", "intrusion"]);
        assert_eq!(layers, ["csrf"]);
        assert!(
            detectors.contains("\"sql\"") && detectors.contains("/srv/shop/crs") && !detectors.contains("mode"),
            "{detectors}"
        );
        assert!(Policy::parse(&detectors).is_ok(), "{detectors}");
        let (rules, layers) = parts(RULES).without(&[RULE_SET]);
        assert!(layers.is_empty() && rules.contains("mode = \"off\"") && !rules.contains("allow"), "{rules}");
        assert_eq!(parts(RULES).without(&["intrusion", RULE_SET]).1, ["intrusion"]);
        assert_eq!(parts("[csrf]\nmode = \"report\"").without(&["intrusion"]).1, ["intrusion"], "there is but one part");
    }
}
