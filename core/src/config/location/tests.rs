// SPDX-License-Identifier: MIT OR Apache-2.0

use super::*;
use std::fs;

/// A directory with a home, and the variables of an environment.
struct Place {
    directory: tempfile::TempDir,
    variables: Vec<(&'static CStr, OsString)>,
}

impl Place {
    fn new() -> Place {
        Place { directory: tempfile::tempdir().unwrap(), variables: Vec::new() }
    }

    fn at(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    fn create(&self, name: &str) -> PathBuf {
        fs::create_dir_all(self.at(name).parent().unwrap()).unwrap();
        fs::write(self.at(name), "").unwrap();
        self.at(name)
    }

    fn set(&mut self, name: &'static CStr, value: impl Into<OsString>) {
        self.variables.retain(|(known, _)| *known != name);
        self.variables.push((name, value.into()));
    }

    fn find(&self) -> Result<Option<PathBuf>, ConfigError> {
        let variable = |name: &CStr| {
            let found = self.variables.iter().find(|(known, _)| *known == name);
            found.map(|(_, value)| value.clone())
        };
        find(variable, &self.at("etc/certpick.toml"))
    }
}

#[test]
fn the_first_file_that_exists_is_found() {
    let mut place = Place::new();
    assert_eq!(place.find(), Ok(None));
    let system = place.create("etc/certpick.toml");
    assert_eq!(place.find(), Ok(Some(system.clone())));
    place.set(c"HOME", place.at("home"));
    assert_eq!(place.find(), Ok(Some(system.clone())));
    let of_home = place.create("home/.config/certpick/certpick.toml");
    assert_eq!(place.find(), Ok(Some(of_home.clone())));
    for relative in ["", "xdg", "./xdg", "~"] {
        place.set(c"XDG_CONFIG_HOME", relative);
        assert_eq!(place.find(), Ok(Some(of_home.clone())), "{relative}");
    }
    // If XDG_CONFIG_HOME is absolute, ~/.config is not another place.
    place.set(c"XDG_CONFIG_HOME", place.at("xdg"));
    assert_eq!(place.find(), Ok(Some(system)));
    let of_xdg = place.create("xdg/certpick/certpick.toml");
    assert_eq!(place.find(), Ok(Some(of_xdg)));
    let named = place.create("named");
    place.set(c"CERTPICK_CONFIG", &named);
    assert_eq!(place.find(), Ok(Some(named)));
}

#[test]
fn a_variable_with_an_unusable_value_is_an_error() {
    let mut place = Place::new();
    place.create("etc/certpick.toml");
    place.create("home/.config/certpick/certpick.toml");
    place.set(c"HOME", place.at("home"));
    for relative in ["", "certpick.toml", "./certpick.toml", "~/certpick.toml"] {
        place.set(c"CERTPICK_CONFIG", relative);
        let text = place.find().unwrap_err().to_string();
        assert_eq!(text, "CERTPICK_CONFIG is set, but is not an absolute path");
    }
    for (missing, words) in
        [("missing", "No such file"), ("etc/certpick.toml/x", "Not a directory")]
    {
        place.set(c"CERTPICK_CONFIG", place.at(missing));
        let text = place.find().unwrap_err().to_string();
        assert!(text.contains(missing) && text.contains(words), "{text}");
    }
    place.variables.clear();
    for home in ["", "home", "~"] {
        place.set(c"HOME", home);
        let text = place.find().unwrap_err().to_string();
        assert_eq!(text, "HOME is set, but is not an absolute path");
    }
}

#[test]
fn a_file_that_exists_and_cannot_be_read_is_not_passed_over() {
    let mut place = Place::new();
    place.create("etc/certpick.toml");
    place.set(c"HOME", place.at("home"));
    fs::create_dir_all(place.at("home/.config/certpick")).unwrap();
    let link = place.at("home/.config/certpick/certpick.toml");
    std::os::unix::fs::symlink("not-there", &link).unwrap();
    assert_eq!(place.find(), Ok(Some(link.clone())));
    assert!(super::super::ConfigFile::read(&link).is_err());
    // A loop in the directory.
    std::os::unix::fs::symlink("loop", place.at("loop")).unwrap();
    place.set(c"XDG_CONFIG_HOME", place.at("loop"));
    let text = place.find().unwrap_err().to_string();
    assert!(text.contains("Too many levels of symbolic links"), "{text}");
}
