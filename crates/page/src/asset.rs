//! Styles and scripts, embedded in the binary.
//!
//! Their names hold a hash of their content, so that a browser may keep them for ever and still
//! never mixes those of two versions.

use std::sync::LazyLock;

use xxhash_rust::xxh3::xxh3_64;

/// The path that all of them are under.
pub const PREFIX: &str = "/assets/";

/// A file as it is served.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Asset {
    /// Under [`PREFIX`]: `page.0123456789abcdef.css`.
    pub name: String,
    /// For `Content-Type`.
    pub content_type: &'static str,
    /// What is in it.
    pub bytes: &'static [u8],
}

/// The paths of all, for those who refer to them.
#[derive(Debug, Clone, Copy)]
pub struct Paths {
    files: &'static [Asset],
}

const CSS: &str = "text/css; charset=utf-8";
const JS: &str = "text/javascript; charset=utf-8";
const SVG: &str = "image/svg+xml";

static FILES: LazyLock<[Asset; 9]> = LazyLock::new(|| {
    [
        Asset::new("page", "css", CSS, include_bytes!("../assets/page.css")),
        Asset::new(
            "uplot",
            "css",
            CSS,
            include_bytes!("../assets/uplot/uplot.css"),
        ),
        Asset::new(
            "uplot",
            "js",
            JS,
            include_bytes!("../assets/uplot/uplot.js"),
        ),
        Asset::new("theme", "js", JS, include_bytes!("../assets/theme.js")),
        Asset::new("table", "js", JS, include_bytes!("../assets/table.js")),
        Asset::new("live", "js", JS, include_bytes!("../assets/live.js")),
        Asset::new("refresh", "js", JS, include_bytes!("../assets/refresh.js")),
        Asset::new("chart", "js", JS, include_bytes!("../assets/chart.js")),
        Asset::new("icon", "svg", SVG, include_bytes!("../assets/icon.svg")),
    ]
});

/// The file with this name.
pub fn find(name: &str) -> Option<&'static Asset> {
    FILES.iter().find(|asset| asset.name == name)
}

/// All files.
pub fn all() -> &'static [Asset] {
    &*FILES
}

impl Asset {
    fn new(stem: &str, extension: &str, content_type: &'static str, bytes: &'static [u8]) -> Self {
        Self {
            name: format!("{stem}.{:016x}.{extension}", xxh3_64(bytes)),
            content_type,
            bytes,
        }
    }
}

impl Paths {
    /// The path of the file with this stem and extension.
    pub fn of(self, stem: &str, extension: &str) -> String {
        let mut files = self.files.iter();
        let is_it = |asset: &&Asset| {
            let rest = asset.name.strip_prefix(stem);
            rest.is_some_and(|rest| rest.starts_with('.') && rest.ends_with(extension))
        };
        let found = files.find(is_it);
        debug_assert!(
            found.is_some(),
            "a page refers to {stem}.{extension}, which is not there"
        );
        let name = found.map_or("", |asset| asset.name.as_str());
        format!("{PREFIX}{name}")
    }
}

impl Default for Paths {
    fn default() -> Self {
        Self { files: all() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_is_found_under_the_path_that_pages_refer_to() {
        for (stem, extension) in [("page", "css"), ("uplot", "css"), ("uplot", "js")] {
            let path = Paths::default().of(stem, extension);
            let asset = find(path.strip_prefix(PREFIX).unwrap()).unwrap();
            assert!(asset.name.starts_with(stem) && asset.name.ends_with(extension));
            assert!(!asset.bytes.is_empty());
        }
        assert_eq!(find("page.css"), None);
    }
}
