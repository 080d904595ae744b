//! What `crawl export` may be told.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::answers::At;

#[derive(Debug, Args)]
pub(in crate::cli) struct ExportArgs {
    #[command(subcommand)]
    pub command: ExportCommand,
}

#[derive(Debug, Subcommand)]
pub(in crate::cli) enum ExportCommand {
    /// Comma-separated values with a line of names
    Csv(CsvArgs),
    /// JSON Lines: an object a row
    Jsonl(TableArgs),
    /// Apache Parquet: columns with types, compressed
    Parquet(TableArgs),
    /// The graph of links as GraphML, for networkx, igraph, yEd
    Graphml(GraphArgs),
    /// The graph of links as GEXF, for Gephi
    Gexf(GraphArgs),
    /// The pages as a tree of files to be browsed offline, their links leading to each other
    Mirror(MirrorArgs),
}

#[derive(Debug, Args)]
pub(in crate::cli) struct GraphArgs {
    #[command(flatten)]
    pub at: At,
    /// A node for each host in place of each page; edges have the number of links as their weight
    #[arg(long, conflicts_with = "sections")]
    pub hosts: bool,
    /// A node for each first folder of a host, likewise
    #[arg(long)]
    pub sections: bool,
    /// The file, compressed where its name ends in .gz or .zst [default: standard output]
    #[arg(long, value_name = "FILE")]
    pub to: Option<PathBuf>,
    /// Replace what is there
    #[arg(long)]
    pub force: bool,
}

#[derive(Debug, Args)]
pub(in crate::cli) struct MirrorArgs {
    /// The folder to make, with one in it for each host
    #[arg(value_name = "DIR")]
    pub to: PathBuf,
    #[command(flatten)]
    pub at: At,
    /// Where a folder is there already, move that to DIR.1
    #[arg(long)]
    pub force: bool,
}

#[derive(Debug, Args)]
pub(in crate::cli) struct CsvArgs {
    #[command(flatten)]
    pub table: TableArgs,
    /// Texts as they are: nothing is done against what a spreadsheet takes for formulas
    #[arg(long)]
    pub raw: bool,
}

#[derive(Debug, Args)]
pub(in crate::cli) struct TableArgs {
    /// Names of views (crawl query lists them) or SQL; several need --to DIR [default: pages]
    pub what: Vec<String>,
    #[command(flatten)]
    pub at: At,
    /// The file, compressed where its name ends in .gz or .zst; or a folder for a file each [default: standard output]
    #[arg(long, value_name = "FILE|DIR")]
    pub to: Option<PathBuf>,
    /// Replace what is there
    #[arg(long)]
    pub force: bool,
}
