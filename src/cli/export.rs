//! `crawl export`: what goes where, under which name, and in which compression.

use std::io::{self, IsTerminal, Write};
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::{Context, Result, bail};
use crawl::answers::Reader;
use crawl::answers::export::place::{NewFile, NewFolder};
use crawl::answers::export::{self, By, Form, GraphForm, Texts};
use crawl::answers::query::QueryError;

use super::FINISHED;
use super::args::{ExportArgs, ExportCommand, GraphArgs, MirrorArgs, TableArgs, TextsArgs};
use super::inspect::Lines;
use super::progress::size;
use super::query::refused;
use super::settings::output;
use super::spool::Spool;

pub(super) fn export(args: &ExportArgs) -> Result<u8> {
    let done = match &args.command {
        ExportCommand::Csv(csv) => tables(&csv.table, Form::Csv { raw: csv.raw }, "csv"),
        ExportCommand::Jsonl(table) => tables(table, Form::JsonLines, "jsonl"),
        ExportCommand::Parquet(table) => tables(table, Form::Parquet, "parquet"),
        ExportCommand::Texts(args) => texts(args),
        ExportCommand::Graphml(args) => graph(args, GraphForm::GraphMl),
        ExportCommand::Gexf(args) => graph(args, GraphForm::Gexf),
        ExportCommand::Mirror(args) => mirror(args),
    };
    done.or_else(|error| match error.downcast::<QueryError>() {
        Ok(error) => refused(error, None),
        Err(error) => Err(error),
    })
}

/// Each of the answers to a file of its own, or one of them to standard output.
fn tables(args: &TableArgs, form: Form, extension: &str) -> Result<u8> {
    let reader = Reader::open(&output(args.at.output.as_ref())?)?;
    let pages = ["pages".to_owned()];
    let what = if args.what.is_empty() {
        &pages[..]
    } else {
        &args.what
    };
    let Some(to) = &args.to else {
        if what.len() > 1 {
            return Ok(usage("several answers need a folder: --to DIR"));
        }
        let write = |out: &mut dyn Write| export::table(&reader, &what[0], form, out);
        return to_stdout(&reader, form == Form::Parquet, write);
    };
    let folder = what.len() > 1 || is_folder(to);
    if folder {
        std::fs::create_dir_all(to).with_context(|| format!("cannot make {}", to.display()))?;
    }
    for (number, question) in (1..).zip(what) {
        let path = if folder {
            to.join(format!("{}.{extension}", name_of(question, number)))
        } else {
            to.clone()
        };
        let packing = Packing::of(&path, form == Form::Parquet)?;
        let write = |out: &mut dyn Write| export::table(&reader, question, form, out);
        let rows = to_file(&reader, &path, args.force, packing, write)?;
        show!("{}: {rows} rows", named(&path));
    }
    Ok(FINISHED)
}

/// The texts of all pages; what was left out is said in any case.
fn texts(args: &TextsArgs) -> Result<u8> {
    let reader = Reader::open(&output(args.at.output.as_ref())?)?;
    let mut done = Texts::default();
    let write = |out: &mut dyn Write| {
        done = export::texts(&reader, args.markdown, args.host.as_deref(), out)?;
        Ok(done.texts)
    };
    if let Some(to) = &args.to {
        let packing = Packing::of(to, false)?;
        let texts = to_file(&reader, to, args.force, packing, write)?;
        show!("{}: {texts} texts{}", named(to), left_out(&done));
        return Ok(FINISHED);
    }
    let code = to_stdout(&reader, false, write)?;
    let left = left_out(&done);
    if !left.is_empty() {
        say!("{} texts{left}", done.texts);
    }
    Ok(code)
}

/// What of the pages was left out, behind how many were not.
fn left_out(done: &Texts) -> String {
    let reasons = [
        (done.other, "no HTML"),
        (done.unfiled, "in no file (files = false, or removed)"),
        (done.unread, "not to be read (crawl check says more)"),
    ];
    let reasons = reasons.iter().filter(|(pages, _)| *pages > 0);
    let reasons: Vec<String> = reasons
        .map(|(pages, why)| format!("{pages} {why}"))
        .collect();
    if reasons.is_empty() {
        return String::new();
    }
    format!("; pages left out: {}", reasons.join(", "))
}

fn graph(args: &GraphArgs, form: GraphForm) -> Result<u8> {
    let reader = Reader::open(&output(args.at.output.as_ref())?)?;
    let by = match (args.hosts, args.sections) {
        (true, _) => By::Host,
        (_, true) => By::Section,
        _ => By::Page,
    };
    let write = |out: &mut dyn Write| export::graph(&reader, form, by, out);
    let Some(to) = &args.to else {
        return to_stdout(&reader, false, write);
    };
    let packing = Packing::of(to, false)?;
    let edges = to_file(&reader, to, args.force, packing, write)?;
    show!("{}: {edges} edges", named(to));
    Ok(FINISHED)
}

/// The site as a tree of files; it gets its name when it is whole.
fn mirror(args: &MirrorArgs) -> Result<u8> {
    let reader = Reader::open(&output(args.at.output.as_ref())?)?;
    let context = || format!("cannot write {}", args.to.display());
    let new = NewFolder::begin(&args.to, args.force).with_context(context)?;
    let mirrored = match export::mirror(&reader, new.aside()) {
        Ok(mirrored) => mirrored,
        Err(error) => {
            new.discard().with_context(context)?;
            return Err(match error {
                QueryError::Write(error) => anyhow::Error::from(error).context(context()),
                error => error.into(),
            });
        }
    };
    if let Some(moved) = new.finish().with_context(context)? {
        show!("what was there is {} now", named(&moved));
    }
    show!(
        "{} files, {}, links written anew in {} of them",
        mirrored.files,
        size(mirrored.bytes),
        mirrored.relinked
    );
    if mirrored.absent > 0 {
        let what = "images, style sheets and other parts of pages are not stored: a browser asks the network for them";
        let next = if mirrored.assets {
            "crawl query errors may say why"
        } else {
            "crawl with --assets to have them"
        };
        show!("{} {what} ({next})", mirrored.absent);
    }
    if mirrored.missing > 0 {
        show!(
            "{} bodies are not in their files (crawl check says more)",
            mirrored.missing
        );
    }
    if let Some(entry) = &mirrored.entry {
        show!("open      {}", named(&args.to.join(entry)));
    }
    Ok(FINISHED)
}

/// A path, made harmless for a terminal.
fn named(path: &Path) -> String {
    crawl::answers::printable(&path.to_string_lossy())
}

/// Whether a path is meant for a folder: it is one, or ends like one.
fn is_folder(path: &Path) -> bool {
    path.is_dir() || path.to_string_lossy().ends_with('/')
}

/// What the file of an answer is called: as the view, or by its place where it is SQL.
fn name_of(question: &str, number: usize) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
    if !question.is_empty() && question.chars().all(plain) {
        question.replace('-', "_").to_ascii_lowercase()
    } else {
        format!("query_{number}")
    }
}

/// What is asked for cannot be had.
fn usage(words: &str) -> u8 {
    say!("crawl: {words}");
    super::USAGE
}

/// What writes an answer, and says how many rows it has.
type Wrote = std::result::Result<u64, QueryError>;

/// Writes an answer to standard output, whose reader may be slow, or gone.
pub(super) fn to_stdout(
    reader: &Reader,
    binary: bool,
    write: impl FnOnce(&mut dyn Write) -> Wrote,
) -> Result<u8> {
    let terminal = io::stdout().is_terminal();
    if binary && terminal {
        return Ok(usage("a terminal cannot show that: --to FILE"));
    }
    let busy = || reader.is_written();
    let mut out = if terminal {
        Spool::new(Lines::to(io::stdout()), busy)
    } else {
        Spool::new(io::stdout(), busy)
    };
    let wrote = write(&mut out);
    let finished = out.finish();
    wrote?;
    finished?;
    Ok(FINISHED)
}

/// Writes an answer to a file that is there when it is whole.
pub(super) fn to_file(
    reader: &Reader,
    path: &Path,
    replace: bool,
    packing: Packing,
    write: impl FnOnce(&mut dyn Write) -> Wrote,
) -> Result<u64> {
    let context = || format!("cannot write {}", path.display());
    let new = NewFile::begin(path, replace).with_context(context)?;
    let packed = Packed::new(packing, new.writer().with_context(context)?)?;
    // Compression, and a slow disk, hold no statement open while a crawl writes.
    let mut spool = Spool::new(packed.clone(), || reader.is_written());
    let wrote = write(&mut spool);
    let finished = spool.finish().and_then(|()| packed.finish());
    let rows = match (wrote, finished) {
        // Why the file could not be written is known to who has written it.
        (Err(QueryError::Write(_)), Err(error)) => return Err(error).with_context(context),
        (Err(error), _) => return Err(error.into()),
        (Ok(_), Err(error)) => return Err(error).with_context(context),
        (Ok(rows), Ok(())) => rows,
    };
    new.finish().with_context(context)?;
    Ok(rows)
}

/// How a file is compressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Packing {
    Plain,
    Gzip,
    Zstd,
}

impl Packing {
    /// As its name says.
    pub(super) fn of(path: &Path, packs_itself: bool) -> Result<Self> {
        let extension = path.extension().and_then(|text| text.to_str());
        let packing = match extension.map(str::to_ascii_lowercase).as_deref() {
            Some("gz") => Self::Gzip,
            Some("zst") => Self::Zstd,
            _ => Self::Plain,
        };
        if packs_itself && packing != Self::Plain {
            bail!("{}: Parquet is compressed as it is", path.display());
        }
        Ok(packing)
    }
}

/// A file that compresses what is written to it, shared with the thread that writes.
#[derive(Clone)]
struct Packed(Arc<Mutex<Option<Encoder>>>);

enum Encoder {
    Plain(std::fs::File),
    Gzip(flate2::write::GzEncoder<std::fs::File>),
    Zstd(zstd::stream::write::Encoder<'static, std::fs::File>),
}

impl Packed {
    fn new(packing: Packing, file: std::fs::File) -> io::Result<Self> {
        let encoder = match packing {
            Packing::Plain => Encoder::Plain(file),
            Packing::Gzip => {
                let level = flate2::Compression::default();
                Encoder::Gzip(flate2::write::GzEncoder::new(file, level))
            }
            Packing::Zstd => {
                let mut encoder = zstd::stream::write::Encoder::new(file, 0)?;
                encoder.include_checksum(true)?;
                Encoder::Zstd(encoder)
            }
        };
        Ok(Self(Arc::new(Mutex::new(Some(encoder)))))
    }

    /// Writes the end.
    fn finish(&self) -> io::Result<()> {
        let encoder = self.0.lock().unwrap_or_else(PoisonError::into_inner).take();
        match encoder {
            Some(Encoder::Gzip(encoder)) => encoder.finish().map(drop),
            Some(Encoder::Zstd(encoder)) => encoder.finish().map(drop),
            Some(Encoder::Plain(_)) | None => Ok(()),
        }
    }
}

impl Write for Packed {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let mut encoder = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match &mut *encoder {
            Some(Encoder::Plain(file)) => file.write(bytes),
            Some(Encoder::Gzip(encoder)) => encoder.write(bytes),
            Some(Encoder::Zstd(encoder)) => encoder.write(bytes),
            None => Err(io::ErrorKind::BrokenPipe.into()),
        }
    }

    /// Each flush of a compressor would cost room: what is left comes at the end.
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_files() {
        for (question, number, wanted) in [
            ("pages", 1, "pages"),
            ("broken-links", 2, "broken_links"),
            ("SELECT 1", 3, "query_3"),
            ("../x", 1, "query_1"),
            ("", 1, "query_1"),
        ] {
            assert_eq!(name_of(question, number), wanted);
        }
        for (path, wanted) in [
            ("a.csv", Packing::Plain),
            ("a.csv.gz", Packing::Gzip),
            ("a.CSV.ZST", Packing::Zstd),
            ("gz", Packing::Plain),
        ] {
            assert_eq!(Packing::of(Path::new(path), false).expect(path), wanted);
        }
        Packing::of(Path::new("a.parquet.gz"), true).expect_err("twice");
    }
}
