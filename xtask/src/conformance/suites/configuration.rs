//! Configuration files.

use std::path::Path;

use oxivirt_util::config::Config;

use super::super::Case;
use super::super::files::{case, named, same, text};

/// Configuration files print as recorded.
pub(super) fn configuration(folder: &Path) -> Result<Vec<Case>, String> {
    named(folder, ".conf")?
        .into_iter()
        .map(|(name, input)| {
            let expected = text(&folder.join(format!("{name}.out")))?;
            Ok(case(&name, || {
                let config = Config::parse(name.as_str(), &input).map_err(|e| e.to_string())?;
                // One recorded answer lacks the last line break.
                same(expected.trim_end(), config.to_string().trim_end())
            }))
        })
        .collect()
}
