//! `crawl extract`: fields tried on pages, without a crawl.

use std::io::Read;
use std::path::Path;

use anyhow::Result;
use crawl::answers::{printable, values};
use crawl::config::{Config, ConfigError, FieldConfig, Seed, without_userinfo};
use crawl::fetch::Fetcher;
use crawl::parse::{self, Extractor};
use crawl::{CanonicalUrl, engine};

use super::args::ExtractArgs;
use super::inspect::{format, shown};
use super::once::{Got, Once};
use super::{FINISHED, SEEDS_FAILED};

pub(super) fn extract(args: &ExtractArgs) -> Result<u8> {
    let config = settings(args)?;
    let extractor = engine::plan(&config)?.extractor;
    let Some(extractor) = extractor else {
        return Err(crawl::Error::from(ConfigError::NoField).into());
    };
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let mut taken = Vec::new();
    let mut failed = 0;
    let mut once = runtime.block_on(client(&config, &args.pages))?;
    for page in &args.pages {
        // A name and a password are not repeated.
        let shown_as = without_userinfo(page);
        let got = match runtime.block_on(get(page, args, &config, &mut once)) {
            Ok(got) => got,
            Err(error) => {
                let words = error
                    .downcast_ref::<crawl::Error>()
                    .map_or_else(|| format!("{error:#}"), ToString::to_string);
                say!("crawl: {}: {}", printable(&shown_as), printable(&words));
                failed += 1;
                continue;
            }
        };
        let values = extract_one(&extractor, &got);
        if values.is_empty() {
            say!(
                "crawl: {}: is no HTML, or no field is for it",
                printable(&shown_as)
            );
        }
        taken.extend(values.into_iter().map(|value| (shown_as.clone(), value)));
    }
    if taken.is_empty() {
        return Ok(if failed == args.pages.len() {
            SEEDS_FAILED
        } else {
            FINISHED
        });
    }
    let mut out = std::io::BufWriter::new(std::io::stdout().lock());
    shown(values::show(&taken, format(args.format), &mut out))?;
    std::io::Write::flush(&mut out)?;
    Ok(if failed == args.pages.len() {
        SEEDS_FAILED
    } else {
        FINISHED
    })
}

/// The settings: of the file, with the fields of the command line in place of its own where there are any.
fn settings(args: &ExtractArgs) -> Result<Config> {
    let default = Path::new("crawl.toml");
    let file = args.config.as_deref();
    let file = file.or_else(|| Some(default).filter(|file| args.field.is_empty() && file.exists()));
    let mut config = match file {
        Some(file) => Config::read(file).map_err(crawl::Error::from)?,
        None => Config::default(),
    };
    config.politeness.ignore_robots |= args.ignore_robots;
    if !args.field.is_empty() {
        let field = |text: &String| {
            let (name, selector) = text.split_once('=').ok_or_else(|| ConfigError::Value {
                key: "field".to_owned(),
                value: text.clone(),
                message: "is not of the form NAME=SELECTOR".to_owned(),
            })?;
            Ok(FieldConfig::new(name, selector))
        };
        let fields = args
            .field
            .iter()
            .map(field)
            .collect::<Result<_, ConfigError>>();
        config.field = fields.map_err(crawl::Error::from)?;
    }
    Ok(config)
}

/// Who asks for the pages that are URLs. The credentials of the settings go to the origins of their seeds;
/// where they name none, the pages are as good as seeds.
async fn client<'a>(config: &'a Config, pages: &[String]) -> Result<Once<'a>> {
    let urls = pages.iter().filter(|page| page.contains("://"));
    let urls: Vec<CanonicalUrl> = urls
        .filter_map(|url| CanonicalUrl::parse(url).ok())
        .collect();
    let seeds = Seed::urls(&config.seeds.all().map_err(crawl::Error::from)?);
    let seeds = if seeds.is_empty() { &urls } else { &seeds };
    let fetcher = Fetcher::naming(config, seeds, &urls)
        .await
        .map_err(crawl::Error::from)?;
    Ok(Once::new(config, fetcher).map_err(crawl::Error::from)?)
}

/// A page from where it is said to be.
async fn get(page: &str, args: &ExtractArgs, config: &Config, once: &mut Once<'_>) -> Result<Got> {
    if page.contains("://") {
        let url = CanonicalUrl::parse(page)?;
        return once.page(&url).await.map_err(anyhow::Error::msg);
    }
    let max = config.fetch.max_body.0;
    let mut body = Vec::new();
    let read = if page == "-" {
        std::io::stdin().take(max).read_to_end(&mut body)
    } else {
        std::fs::File::open(page).and_then(|file| file.take(max).read_to_end(&mut body))
    };
    read.map_err(|error| {
        anyhow::anyhow!("cannot be read: {error} (a URL begins with http:// or https://)")
    })?;
    let url = CanonicalUrl::parse(&args.url).map_err(|error| ConfigError::Value {
        key: "url".to_owned(),
        value: args.url.clone(),
        message: error.to_string(),
    });
    // What does not say otherwise by its name is taken for a page.
    let extension = Path::new(page).extension().and_then(|found| found.to_str());
    let content_type = match extension.map(str::to_ascii_lowercase).as_deref() {
        None | Some("html" | "htm" | "php" | "asp" | "aspx" | "jsp") => {
            Some("text/html".to_owned())
        }
        Some("xhtml") => Some("application/xhtml+xml".to_owned()),
        Some(_) => None,
    };
    Ok(Got {
        url: url.map_err(crawl::Error::from)?,
        content_type,
        body,
    })
}

fn extract_one(extractor: &Extractor, got: &Got) -> Vec<crawl::record::FieldValue> {
    let document = parse::Document {
        url: &got.url,
        content_type: got.content_type.as_deref(),
        link: &[],
        refresh: None,
        content_language: None,
        x_robots_tag: &[],
        agent: "",
        body: &got.body,
    };
    let page = parse::parse(&document, &parse::Limits::default());
    extractor.try_on(&got.url, got.content_type.as_deref(), &page, &got.body)
}
