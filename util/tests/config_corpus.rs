//! Configuration files with the text they must print as.

use std::path::{Path, PathBuf};

use oxivirt_util::config::Config;

/// The corpus beside the checkout, or where `OXIVIRT_CORPUS` says.
fn corpus() -> PathBuf {
    let folder = std::env::var_os("OXIVIRT_CORPUS")
        .map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/corpus"), PathBuf::from);
    let folder = folder.join("conf");
    assert!(folder.is_dir(), "no corpus at '{}': set OXIVIRT_CORPUS to the folder that holds it", folder.display());
    folder
}

#[test]
fn files_print_as_recorded() {
    let mut cases = 0;
    for entry in std::fs::read_dir(corpus()).expect("the folder is readable") {
        let path = entry.expect("the folder is readable").path();
        if path.extension().is_none_or(|extension| extension != "conf") {
            continue;
        }
        let wanted = std::fs::read_to_string(path.with_extension("out")).expect("an answer");
        let config = Config::read(&path).expect("the case is valid");
        // One recorded answer lacks the last line break.
        assert_eq!(config.to_string().trim_end(), wanted.trim_end(), "{}", path.display());
        cases += 1;
    }
    assert!(cases >= 3, "only {cases} cases found");
}
