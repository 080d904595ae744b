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
    /// The main text of every page, without menus and footers, for search and for models: JSON Lines
    Texts(TextsArgs),
    /// The graph of links as GraphML, for networkx, igraph, yEd
    Graphml(GraphArgs),
    /// The graph of links as GEXF, for Gephi
    Gexf(GraphArgs),
    /// The pages as a tree of files to be browsed offline, their links leading to each other
    Mirror(MirrorArgs),
}

#[derive(Debug, Args)]
#[command(after_help = TEXTS)]
pub(in crate::cli) struct TextsArgs {
    #[command(flatten)]
    pub at: At,
    /// As Markdown: headings, lists, links, tables, code, images
    #[arg(long)]
    pub markdown: bool,
    /// Only pages of this host, such as example.com or example.com:8080
    #[arg(long, value_name = "HOST")]
    pub host: Option<String>,
    /// The file, compressed where its name ends in .gz or .zst [default: standard output]
    #[arg(long, value_name = "FILE")]
    pub to: Option<PathBuf>,
    /// Replace what is there
    #[arg(long)]
    pub force: bool,
}

const TEXTS: &str = "\
A line a page: url, title, language, fetched_at, sha256 (of the body), and text or
markdown, as crawl cat --text and --markdown print it. Pages are those of the latest
run whose body is HTML. Those that cannot be read are left out, and counted.

  crawl export texts --markdown --to pages.jsonl.zst";

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
