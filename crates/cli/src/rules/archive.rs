//! A release archive (tar, gzip): only the plain files that a rule set needs are taken, and nothing is written while it is read.

use super::source::{ENTRIES_MAX, FILE_BYTES_MAX, TOTAL_BYTES_MAX, is_wanted};
use flate2::read::GzDecoder;
use std::{collections::BTreeMap, io::Read};

/// A tar archive is made of blocks (POSIX.1-2017, pax interchange format).
const BLOCK: usize = 512;

/// The files of the archive by their path below its one top folder.
///
/// # Errors
/// When it is damaged, larger than a rule set can be, or holds a name that leads out of it.
pub(super) fn files(packed: &[u8]) -> Result<BTreeMap<String, Vec<u8>>, String> {
    let mut tar = GzDecoder::new(packed).take(TOTAL_BYTES_MAX);
    let (mut files, mut long_name) = (BTreeMap::new(), None);
    for _ in 0..ENTRIES_MAX {
        let mut head = [0; BLOCK];
        tar.read_exact(&mut head)
            .map_err(|error| format!("this is no .tar.gz archive, or it is damaged or too large: {error}"))?;
        if head.iter().all(|byte| *byte == 0) {
            return Ok(files);
        }
        let entry = Entry::read(&head)?;
        let content = content(&mut tar, entry.size)?;
        match entry.kind {
            b'0' | 0 => {
                let name = long_name.take().unwrap_or(entry.name);
                let inside = inside(&name)?;
                if is_wanted(inside) {
                    files.insert(inside.to_owned(), content);
                }
            }
            b'L' => long_name = Some(text(&content)?),
            b'x' => long_name = path_record(&content)?,
            // Folders are made for their files; links and devices are what no rule set needs, and a way out of it (CWE-59).
            _ => long_name = None,
        }
    }
    Err(format!("the archive holds more than {ENTRIES_MAX} entries"))
}

/// What stands before each file.
struct Entry {
    name: String,
    size: u64,
    kind: u8,
}

impl Entry {
    fn read(head: &[u8; BLOCK]) -> Result<Self, String> {
        let field = |from: usize, to: usize| head.get(from..to).unwrap_or_default();
        let sum: u64 =
            head.iter().enumerate().map(|(at, byte)| if (148..156).contains(&at) { 32 } else { u64::from(*byte) }).sum();
        if octal(field(148, 156)) != Some(sum) {
            return Err("the archive is damaged: the checksum of an entry is wrong".to_owned());
        }
        let size = octal(field(124, 136)).filter(|size| *size <= FILE_BYTES_MAX).ok_or("a file in it is too large")?;
        let name = text(field(0, 100))?;
        let prefix = if field(257, 262) == b"ustar" { text(field(345, 500))? } else { String::new() };
        let name = if prefix.is_empty() { name } else { format!("{prefix}/{name}") };
        Ok(Self { name, size, kind: field(156, 157).first().copied().unwrap_or(0) })
    }
}

fn content(tar: &mut impl Read, size: u64) -> Result<Vec<u8>, String> {
    let padded = size.next_multiple_of(BLOCK as u64);
    let mut bytes = Vec::new();
    tar.take(padded).read_to_end(&mut bytes).map_err(|error| format!("the archive is damaged: {error}"))?;
    if bytes.len() as u64 != padded {
        return Err("the archive ends within a file".to_owned());
    }
    bytes.truncate(usize::try_from(size).unwrap_or(usize::MAX));
    Ok(bytes)
}

fn text(field: &[u8]) -> Result<String, String> {
    let end = field.iter().position(|byte| *byte == 0).unwrap_or(field.len());
    let text = std::str::from_utf8(field.get(..end).unwrap_or_default());
    text.map(str::to_owned).map_err(|_| "a name in the archive is not text".to_owned())
}

fn octal(field: &[u8]) -> Option<u64> {
    let text = std::str::from_utf8(field).ok()?.trim_matches(['\0', ' ']);
    if text.is_empty() { Some(0) } else { u64::from_str_radix(text, 8).ok() }
}

/// `LENGTH path=NAME\n` among the records of an extended header.
fn path_record(content: &[u8]) -> Result<Option<String>, String> {
    let lines = content.split(|byte| *byte == b'\n').filter_map(|line| line.splitn(2, |byte| *byte == b' ').nth(1));
    lines.filter_map(|record| record.strip_prefix(b"path=")).next().map(text).transpose()
}

/// The name below the top folder. One that leads elsewhere condemns the whole archive (CWE-22).
fn inside(name: &str) -> Result<&str, String> {
    let odd = |part: &str| part == ".." || part.contains(['\\', '\0']);
    let name = name.strip_prefix("./").unwrap_or(name);
    if name.starts_with('/') || name.split('/').any(odd) {
        return Err(format!("it holds a file that would lie outside of it: {}", gambeson_core::record::shown(name.as_bytes())));
    }
    // Some archives have no top folder.
    let below = name.split_once('/').map_or(name, |(_, rest)| rest);
    Ok(if is_wanted(name) { name } else { below })
}

#[cfg(test)]
mod tests {
    use super::*;
    use flate2::{Compression, write::GzEncoder};
    use std::io::Write as _;

    fn entry(name: &str, kind: u8, content: &[u8]) -> Vec<u8> {
        let mut head = [0; BLOCK];
        head[..name.len()].copy_from_slice(name.as_bytes());
        head[124..135].copy_from_slice(format!("{:011o}", content.len()).as_bytes());
        head[156] = kind;
        head[257..262].copy_from_slice(b"ustar");
        head[148..156].fill(b' ');
        let sum: u64 = head.iter().map(|byte| u64::from(*byte)).sum();
        head[148..154].copy_from_slice(format!("{sum:06o}").as_bytes());
        head[154] = 0;
        let mut bytes = head.to_vec();
        bytes.extend_from_slice(content);
        bytes.resize(bytes.len().next_multiple_of(BLOCK), 0);
        bytes
    }

    fn packed(entries: &[Vec<u8>]) -> Vec<u8> {
        let mut gzip = GzEncoder::new(Vec::new(), Compression::fast());
        gzip.write_all(&entries.concat()).unwrap();
        gzip.write_all(&[0; 2 * BLOCK]).unwrap();
        gzip.finish().unwrap()
    }

    #[test]
    fn the_files_of_a_release_are_taken_and_the_rest_is_left() {
        let name = format!("crs-4/rules/{}.conf", "x".repeat(120));
        let record = format!("{} path={name}\n", name.len() + 10);
        let found = files(&packed(&[
            entry("pax_global_header", b'g', b"52 comment=0\n"),
            entry("crs-4/", b'5', b""),
            entry("crs-4/crs-setup.conf.example", b'0', b"# setup"),
            entry("crs-4/rules/a.conf", b'0', b"# a"),
            entry("crs-4/util/run.sh", b'0', b"#!"),
            entry("crs-4/rules/link.conf", b'2', b""),
            entry("x", b'x', record.as_bytes()),
            entry("crs-4/rules/cut.conf", b'0', b"# long"),
        ]));
        let long = name.strip_prefix("crs-4/").unwrap();
        assert_eq!(found.unwrap().keys().collect::<Vec<_>>(), ["crs-setup.conf.example", "rules/a.conf", long]);
    }

    #[test]
    fn an_archive_that_leads_out_of_its_folder_is_refused() {
        for name in ["crs/rules/../../../a.conf", "/etc/a.conf", "../rules/a.conf", "crs/rules/..\\a.conf"] {
            let why = files(&packed(&[entry(name, b'0', b"x")])).unwrap_err();
            assert!(why.contains("outside"), "{name}: {why}");
        }
    }

    #[test]
    fn damaged_archives_are_refused() {
        let whole = packed(&[entry("crs/rules/a.conf", b'0', b"x")]);
        assert!(files(&whole[..whole.len() / 2]).is_err());
        assert!(files(b"no archive").is_err());
        let mut wrong = entry("crs/rules/a.conf", b'0', b"x");
        wrong[0] = b'd';
        assert!(files(&packed(&[wrong])).unwrap_err().contains("checksum"));
        let mut endless = entry("crs/rules/a.conf", b'0', b"");
        endless.truncate(BLOCK);
        endless[124..135].copy_from_slice(b"77777777777");
        assert!(files(&packed(&[endless])).is_err());
    }
}
