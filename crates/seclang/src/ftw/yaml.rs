//! YAML as a tree of texts: all that these tests need of it.

use saphyr_parser::{Event, Parser};

/// A node of the tree. Numbers and switches stay texts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Node {
    Text(String),
    List(Vec<Node>),
    Map(Vec<(String, Node)>),
}

/// Deepest nesting that is read.
const DEPTH_MAX: usize = 32;

impl Node {
    pub(super) fn get(&self, key: &str) -> Option<&Node> {
        let Node::Map(pairs) = self else { return None };
        pairs.iter().find(|(name, _)| name == key).map(|(_, node)| node)
    }

    pub(super) fn text(&self) -> Option<&str> {
        if let Node::Text(text) = self { Some(text) } else { None }
    }

    pub(super) fn list(&self) -> &[Node] {
        if let Node::List(nodes) = self { nodes } else { &[] }
    }

    pub(super) fn pairs(&self) -> &[(String, Node)] {
        if let Node::Map(pairs) = self { pairs } else { &[] }
    }
}

/// A collection that is open: in a map, the key that waits for its value.
enum Open {
    List(Vec<Node>),
    Map(Vec<(String, Node)>, Option<String>),
}

/// Reads the first document; a file of comments alone is an empty text.
pub(super) fn read(text: &str) -> Result<Node, String> {
    let mut open: Vec<Open> = Vec::new();
    for event in Parser::new_from_str(text) {
        let (event, span) = event.map_err(|e| e.to_string())?;
        let done = match event {
            Event::SequenceStart(..) => push(&mut open, Open::List(Vec::new()))?,
            Event::MappingStart(..) => push(&mut open, Open::Map(Vec::new(), None))?,
            Event::Scalar(text, ..) => Some(Node::Text(text.into_owned())),
            Event::Alias(_) => return Err(format!("line {}: aliases are not read", span.start.line())),
            Event::SequenceEnd | Event::MappingEnd => open.pop().map(close),
            _ => None,
        };
        if let Some(node) = done
            && let Some(root) = put(&mut open, node)
        {
            return Ok(root);
        }
    }
    Ok(Node::Text(String::new()))
}

fn push(open: &mut Vec<Open>, new: Open) -> Result<Option<Node>, String> {
    open.push(new);
    if open.len() > DEPTH_MAX { Err("nested too deeply".into()) } else { Ok(None) }
}

fn close(open: Open) -> Node {
    match open {
        Open::List(nodes) => Node::List(nodes),
        Open::Map(pairs, _) => Node::Map(pairs),
    }
}

/// Puts a node into what is open; gives it back if nothing is.
fn put(open: &mut [Open], node: Node) -> Option<Node> {
    match open.last_mut() {
        None => return Some(node),
        Some(Open::List(nodes)) => nodes.push(node),
        Some(Open::Map(pairs, key)) => match key.take() {
            Some(key) => pairs.push((key, node)),
            None => *key = Some(node.text().unwrap_or_default().to_owned()),
        },
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn maps_lists_and_blocks() {
        let node = read("---\na: 1\nb:\n  - x: \"y\\n\"\n  - |\n    one\n    two\n").expect("well-formed");
        assert_eq!(node.get("a").and_then(Node::text), Some("1"));
        let list = node.get("b").expect("it is there").list();
        assert_eq!(list[0].get("x").and_then(Node::text), Some("y\n"));
        assert_eq!(list[1].text(), Some("one\ntwo\n"));
        assert!(read("a: [").is_err());
        assert_eq!(read("# nothing yet\n"), Ok(Node::Text(String::new())));
        assert!(read(&"[".repeat(100)).is_err());
    }
}
