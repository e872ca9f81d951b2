//! Headings and fenced blocks: as much of Markdown as cases need.

/// What stands under one heading.
#[derive(Debug)]
pub(crate) struct Section<'a> {
    /// The heading's text.
    pub(crate) name: &'a str,
    /// Its line, counted from one.
    pub(crate) line: usize,
    blocks: Vec<Block<'a>>,
}

#[derive(Debug)]
struct Block<'a> {
    info: &'a str,
    lines: Vec<&'a str>,
}

impl Section<'_> {
    /// The text of the one block with that info string.
    pub(crate) fn block(&self, info: &str) -> Result<Option<String>, String> {
        let mut found = self.blocks.iter().filter(|block| block.info == info);
        let first = found.next().map(|block| block.lines.join("\n"));
        if found.next().is_some() {
            return Err(format!("two `{info}` blocks: one heading is one case"));
        }
        Ok(first)
    }
}

/// The sections of a text, in order; what stands before the first heading has no name.
pub(crate) fn sections(text: &str) -> Result<Vec<Section<'_>>, String> {
    let mut sections = vec![Section { name: "(before the first heading)", line: 1, blocks: Vec::new() }];
    let mut lines = text.lines().enumerate();
    while let Some((index, line)) = lines.next() {
        if let Some(name) = heading(line) {
            sections.push(Section { name, line: index + 1, blocks: Vec::new() });
        }
        let Some((fence, info)) = opening(line) else { continue };
        let mut block = Block { info, lines: Vec::new() };
        loop {
            match lines.next() {
                Some((_, line)) if line.trim_end() == fence => break,
                Some((_, line)) => block.lines.push(line),
                None => return Err(format!("line {}: this block is not closed", index + 1)),
            }
        }
        if let Some(section) = sections.last_mut() {
            section.blocks.push(block);
        }
    }
    Ok(sections)
}

/// A heading of level two or more.
fn heading(line: &str) -> Option<&str> {
    let rest = line.strip_prefix("##")?.trim_start_matches('#');
    rest.strip_prefix(' ').map(str::trim)
}

/// The fence and info string of a line that opens a block.
fn opening(line: &str) -> Option<(&str, &str)> {
    let ticks = line.bytes().take_while(|&b| b == b'`').count();
    if ticks < 3 {
        return None;
    }
    line.split_at_checked(ticks).map(|(fence, info)| (fence, info.trim()))
}
