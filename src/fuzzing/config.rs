//! A `crawl.toml`: settings that can be written and read back, or a mistake with its line.

use std::path::Path;

use crate::config::{self, Config, ConfigError};

pub(super) fn target(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let config = match Config::from_toml(&text, Path::new("c.toml")) {
        Ok(config) => config,
        Err(error) => return mistake(&error, &text),
    };
    config.validate().expect("it was validated");
    let written = config.to_toml();
    let read = Config::from_toml(&written, Path::new("x")).expect("what is written reads");
    assert_eq!(read, config, "{written}");
    assert_eq!(read.reading(), config.reading());
    assert_eq!(config::changes(&written, &written), []);
    let mut shown = config.redacted();
    assert_eq!(shown.redacted(), shown, "redacted again");
    let _ = config::changes(&shown.to_toml(), &Config::default().to_toml());
    shown.forget_redacted();
    let stored: Config = toml::from_str(&shown.to_toml()).expect("what is stored reads");
    assert_eq!(stored, shown);
}

fn mistake(error: &ConfigError, text: &str) {
    let said = error.to_string();
    match error {
        ConfigError::File { line, message, .. } => {
            assert!(
                *line >= 1 && *line <= 1 + text.matches('\n').count(),
                "{said}"
            );
            assert!(!message.is_empty() && !message.contains('\n'), "{said}");
        }
        ConfigError::Value { key, message, .. } => {
            assert!(!key.is_empty() && !message.is_empty(), "{said}");
        }
        other => panic!("{other}"),
    }
}
