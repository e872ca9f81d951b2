//! Parses mutated heads and checks what is accepted: `cargo run --release -p gambeson-wire --example mutate -- [COUNT] [SEED]`.
//!
//! With `--seeds DIR` writes the corpus there instead, one file each, for the fuzzers to start from.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)] // A finding may panic.

#[path = "../tests/mutation/mod.rs"]
mod mutation;

fn main() -> std::io::Result<()> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    if let [flag, folder] = args.as_slice()
        && flag == "--seeds"
    {
        return write_seeds(std::path::Path::new(folder));
    }
    let number = |index: usize, otherwise: u64| args.get(index).and_then(|text| text.parse().ok()).unwrap_or(otherwise);
    let (count, seed) = (number(0, 1_000_000), number(1, 1));
    let tally = mutation::run(seed, count);
    println!("{count} mutated heads, seed {seed}, no panic: {tally:?}");
    Ok(())
}

fn write_seeds(folder: &std::path::Path) -> std::io::Result<()> {
    for (kind, corpus) in
        [("request_head", mutation::HEADS), ("response_head", mutation::RESPONSES), ("target", mutation::FRAGMENTS)]
    {
        std::fs::create_dir_all(folder.join(kind))?;
        for (index, bytes) in corpus.iter().enumerate() {
            std::fs::write(folder.join(kind).join(format!("seed-{index:02}")), bytes)?;
        }
    }
    Ok(())
}
