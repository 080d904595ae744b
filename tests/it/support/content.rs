//! Whole sites to serve: a synthetic one of any size, and a folder of files.

use std::fmt::Write as _;
use std::path::Path;

use super::reply::Reply;
use super::site::Site;

impl Site {
    /// Serves a synthetic site of so many pages (see [`tree_page`]) by [`Site::dynamic`].
    pub fn tree(&self, pages: usize, fan_out: usize) {
        self.dynamic(move |path, _| {
            let number = match path {
                "/" => 0,
                _ => path.strip_prefix("/page/")?.parse().ok()?,
            };
            (number < pages && tree_path(number) == path)
                .then(|| Reply::html(tree_page(number, pages, fan_out)))
        });
    }

    /// Serves the files of a folder, such as `fixtures/site`, as a web server would: `index.html` for
    /// a folder, a redirect where its slash is missing, no charset in the header.
    pub fn folder(&self, folder: impl AsRef<Path>) {
        self.files(folder.as_ref(), "");
    }

    fn files(&self, folder: &Path, path: &str) {
        for entry in std::fs::read_dir(folder).expect("a folder to serve") {
            let file = entry.expect("an entry of a folder").path();
            let name = file.file_name().unwrap_or_default().to_string_lossy();
            let path = format!("{path}/{name}");
            if file.is_dir() {
                let location = format!("{path}/");
                self.reply(&path, Reply::new(301).header("Location", &location));
                self.files(&file, &path);
                continue;
            }
            let extension = file.extension().unwrap_or_default().to_string_lossy();
            let reply = Reply::new(200)
                .header("Content-Type", media_type(&extension))
                .body(std::fs::read(&file).expect("a file to serve"));
            if let Some(folder) = path.strip_suffix("index.html") {
                self.reply(folder, reply.clone());
            }
            self.reply(&path, reply);
        }
    }
}

fn media_type(extension: &str) -> &'static str {
    match extension {
        "html" => "text/html",
        "css" => "text/css",
        "png" => "image/png",
        "txt" => "text/plain",
        "xml" => "text/xml",
        _ => "application/octet-stream",
    }
}

/// The path of a page of the synthetic site: `/`, `/page/1`, `/page/2`…
pub fn tree_path(number: usize) -> String {
    if number == 0 {
        "/".to_owned()
    } else {
        format!("/page/{number}")
    }
}

/// A page of the synthetic site: title `Page N`, links to its children (`fan_out` of them, as in a heap),
/// to its parent and to its neighbours by number.
pub fn tree_page(number: usize, pages: usize, fan_out: usize) -> String {
    let children = number * fan_out + 1..=(number + 1) * fan_out;
    let parent = number.checked_sub(1).map(|before| before / fan_out);
    let neighbours = [number.checked_sub(1), Some(number + 1), Some(number + 2)]
        .into_iter()
        .flatten();
    let mut links = String::new();
    for target in children
        .chain(parent)
        .chain(neighbours)
        .filter(|target| *target < pages)
    {
        let _ = write!(
            links,
            "<li><a href=\"{}\">Page {target}</a></li>",
            tree_path(target)
        );
    }
    format!(
        "<!DOCTYPE html><html><head><title>Page {number}</title></head><body><ul>{links}</ul></body></html>"
    )
}
