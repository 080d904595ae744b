//! `prune`: what went, or would go, and how much room that makes.

use anyhow::Result;
use crawl::answers::plain_json;
use crawl::answers::prune::{self, Pruned};

use super::FINISHED;
use super::args::PruneArgs;
use super::crawl::counted;
use super::progress::size;
use super::settings::{output, output_option};

pub(super) fn prune(args: &PruneArgs) -> Result<u8> {
    let output = output(args.at.output.as_ref())?;
    let pruned = prune::run(&output, args.keep_runs, args.dry_run, args.vacuum)?;
    if args.json {
        show!("{}", plain_json(&serde_json::to_string(&pruned)?));
    } else {
        tell(&pruned, args, &output_option(&output));
    }
    Ok(FINISHED)
}

fn tell(pruned: &Pruned, args: &PruneArgs, at: &str) {
    let would = if args.dry_run { "would go" } else { "went" };
    if pruned.all_rows() == 0 && pruned.files == 0 {
        show!(
            "nothing to prune: the runs from {} on need all that is there",
            pruned.first_kept
        );
    } else {
        show!(
            "{} before run {} pruned; {would}: {}, {} with {}",
            counted(pruned.runs, "run"),
            pruned.first_kept,
            counted(pruned.all_rows(), "row"),
            counted(pruned.files, "file"),
            size(pruned.file_bytes)
        );
    }
    for (table, rows) in &pruned.rows {
        show!("  {rows:>10} {table}");
    }
    if args.dry_run {
        return;
    }
    show!(
        "database   {}, was {}; {} of it are free for what comes{}",
        size(pruned.database_after),
        size(pruned.database_before),
        size(pruned.free_bytes),
        if pruned.free_bytes > pruned.database_after / 4 {
            format!(
                ": crawl prune{at} --keep-runs {} --vacuum gives them back",
                args.keep_runs
            )
        } else {
            String::new()
        }
    );
}
