// SPDX-License-Identifier: MIT OR Apache-2.0
//! The generated openssl.cnf. The command `openssl list -providers` loads it and lists the active
//! providers.

use crate::support::{Scene, failure, module, openssl_modules, printed};
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

/// Returns the sorted names of the active providers with this file.
#[track_caller]
fn active_providers(scene: &Scene, openssl_conf: &Path) -> Vec<String> {
    let listing = printed(
        scene.command("openssl").args(["list", "-providers"]).env("OPENSSL_CONF", openssl_conf),
    );
    let mut names: Vec<String> = listing
        .lines()
        .filter(|line| line.starts_with("  ") && !line.starts_with("    "))
        .map(|line| line.trim().to_owned())
        .collect();
    names.sort();
    let active = listing.lines().filter(|line| line.trim() == "status: active").count();
    assert_eq!(active, names.len(), "{listing}");
    names
}

/// Returns the generated file if `active` is the active one.
#[track_caller]
fn print_for(scene: &Scene, active_file: impl AsRef<OsStr>) -> String {
    printed(scene.certpick_run_any().arg("--print").env("OPENSSL_CONF", active_file))
}

/// Returns the active providers with the file that is generated from a file with this text.
#[track_caller]
fn providers_with(text: &str) -> Vec<String> {
    let scene = Scene::new();
    let active_file = scene.write("active.cnf", text);
    let made = print_for(&scene, active_file);
    let made = scene.write("made.cnf", made);
    active_providers(&scene, &made)
}

#[test]
fn the_default_provider_stays_active_if_no_other_is_activated() {
    for text in [
        "",
        "# only a comment",
        "openssl_conf = init\n[init]\n",
        "openssl_conf = init\n",
        "openssl_conf =\n",
        "openssl_conf = init\n[init]\nproviders = list\n[list]\n",
        "openssl_conf = init\n[init]\nproviders = list\n[list]\ndefault = d\n[d]\n",
        "openssl_conf = init\n[init]\nproviders = list\n[list]\nx.default = d\n[d]\n",
        "openssl_conf = init\n[init]\nproviders = list\n[list]\nlegacy = l\n[l]\n",
        // These settings have no effect in the default section.
        "providers = list\n[list]\nlegacy = l\n[l]\nactivate = 1\n",
        "activate = 1\nidentity = x\nopenssl_conf = init\n[init]\nproviders = list\n[list]\nlegacy = l\n[l]\n",
        "[x]\nopenssl_conf = init\n",
    ] {
        assert_eq!(providers_with(text), ["certpick", "default"], "{text}");
    }
}

/// Node.js uses the section that `nodejs_conf` names instead of that of `openssl_conf`.
#[test]
fn node_js_activates_the_same_providers_unless_the_file_has_a_section_for_it() {
    let scene = Scene::new();
    for text in [
        "",
        "openssl_conf = init\n[init]\nproviders = list\n[list]\ndefault = d\n[d]\nactivate = 1\n",
    ] {
        let made = print_for(&scene, scene.write("active.cnf", text));
        let as_node = scene.write("node.cnf", made + "[default]\nopenssl_conf = $nodejs_conf\n");
        assert_eq!(active_providers(&scene, &as_node), ["certpick", "default"], "{text}");
    }
    let own = scene.write("active.cnf", "nodejs_conf = own\n[own]\n");
    assert!(!print_for(&scene, own).contains("nodejs_conf"));
}

#[test]
fn activated_providers_stay_active_and_only_certpick_is_added() {
    let legacy = openssl_modules().join("legacy.so");
    let fips_by_another_module = format!(
        "openssl_conf = init\n[init]\nproviders = list\n[list]\nfips = f\nbase = b\n\
         [f]\nactivate = 1\nmodule = {}\n[b]\nactivate = 1\n",
        legacy.display()
    );
    for (text, expected) in [
        (
            "openssl_conf = init\n[init]\nproviders = list\n[list]\ndefault = d\n[d]\nactivate = 1\n",
            &["certpick", "default"][..],
        ),
        (
            "openssl_conf = init\n[init]\nproviders = list\n[list]\ndefault = d\nlegacy = l\n\
             [d]\nactivate = 1\n[l]\nactivate = 1\n",
            &["certpick", "default", "legacy"],
        ),
        (
            "openssl_conf = init\n[init]\nproviders = list\n[list]\nbase = b\ndefault = d\n\
             [b]\nactivate = 1\n[d]\n",
            &["base", "certpick"],
        ),
        (&fips_by_another_module, &["base", "certpick", "fips"]),
        // Names after a dot, and several lists of providers.
        (
            "openssl_conf = init\n[init]\nproviders.1 = one\nproviders.2 = two\n\
             [one]\nx.base = b\n[two]\nlegacy = b\n[b]\nx.activate = 1\n",
            &["base", "certpick", "legacy"],
        ),
        // Divided sections; the default section reopened or named from another section.
        (
            "[list]\nbase = b\n[b]\nactivate = 1\n[init]\nproviders = list\n[ default ]\n\
             openssl_conf = init\n",
            &["base", "certpick"],
        ),
        (
            "[list]\nbase = b\n[b]\nactivate = 1\n[init]\nproviders = list\n\
             default::openssl_conf = init\n",
            &["base", "certpick"],
        ),
        // The later of two values is effective.
        (
            "openssl_conf = other\nopenssl_conf = init\n[init]\nproviders = no\nproviders = list\n\
             [list]\nbase = b\n[b]\nactivate = 1\n[no]\nlegacy = b\n",
            &["base", "certpick"],
        ),
        // A variable.
        (
            "p = base\nopenssl_conf = init\n[init]\nproviders = list_$p\n[list_base]\nbase = b\n\
             [b]\nactivate = 1\n",
            &["base", "certpick"],
        ),
        // Section names with special characters.
        (
            "openssl_conf = my init.1\n[ my init.1 ]\nproviders = a/list\\,x\\#1\n\
             [a/list\\,x\\#1]\nbase = b\n[b]\nactivate = 1\n",
            &["base", "certpick"],
        ),
        // Pragmas also apply to the including file.
        (
            ".pragma = dollarid:true\n.pragma = abspath:true\nopenssl_conf = in$it\n[in$it]\n\
             providers = list\n[list]\nbase = b\n[b]\nactivate = 1\n",
            &["base", "certpick"],
        ),
        // A last line without a line feed, and with a trailing backslash.
        (
            "openssl_conf = init\n[init]\nproviders = list\n[list]\nbase = b\n[b]\nactivate = 1",
            &["base", "certpick"],
        ),
        (
            "openssl_conf = init\n[init]\nproviders = list\n[list]\nbase = b\n[b]\nactivate = 1\\",
            &["base", "certpick"],
        ),
    ] {
        assert_eq!(providers_with(text), expected, "{text}");
    }
}

#[test]
fn existing_section_names_are_not_reused() {
    for text in [
        "openssl_conf = certpick_init\n[certpick_init]\nproviders = certpick_providers\n\
         [certpick_providers]\nbase = certpick_settings\n[certpick_settings]\nactivate = 1\n",
        "openssl_conf = init\n[init]\nproviders = list\n[list]\nbase = b\n[b]\nactivate = 1\n\
         [certpick_settings]\nx = 1\n[certpick_settings_2]\nx = 1\n[certpick_default]\nx = 1\n",
        // Another provider has the key `certpick`.
        "openssl_conf = init\n[init]\nproviders = list\n[list]\ncertpick = b\n[b]\n\
         activate = 1\nidentity = base\n",
        // Sections named like true values.
        "openssl_conf = init\n[init]\nproviders = list\n[list]\nbase = b\n[b]\nactivate = on\n\
         [1]\nx = 1\n[yes]\nx = 1\n",
    ] {
        assert_eq!(providers_with(text), ["base", "certpick"], "{text}");
    }
    let taken = "openssl_conf = init\n[init]\nproviders = list\n[list]\ndefault = b\n[b]\n\
                 activate = 1\nidentity = base\n";
    assert_eq!(providers_with(taken), ["base", "certpick"]);
    let taken = "openssl_conf = init\n[init]\nproviders = list\n[list]\ndefault = b\n[b]\n\
                 identity = base\n";
    assert_eq!(providers_with(taken), ["certpick", "default"]);
}

#[test]
fn another_certpick_is_disabled() {
    let module = module();
    for entries in [
        "certpick = old\n[old]\n",
        "x.certpick = old\n[old]\n",
        "y = old\n[old]\nidentity = certpick\n",
        "y = old\n[old]\n",
    ] {
        let text = format!(
            "openssl_conf = init\n[init]\nproviders = list\n[list]\n{entries}\
             module = {}\nactivate = 1\nsslcert = /old\n",
            module.display()
        );
        let scene = Scene::new();
        let active_file = scene.write("active.cnf", text);
        let made = scene.write("made.cnf", print_for(&scene, active_file));
        assert_eq!(active_providers(&scene, &made), ["certpick", "default"], "{entries}");
        // This also holds for a generated file as input.
        let again = scene.write("again.cnf", print_for(&scene, made));
        assert_eq!(active_providers(&scene, &again), ["certpick", "default"], "{entries}");
    }
}

#[test]
fn the_systems_file_is_included_by_default() {
    let scene = Scene::new();
    let made = printed(scene.certpick_run_any().arg("--print"));
    let directory = printed(scene.command("openssl").args(["version", "-d"]));
    let directory = Path::new(directory.split('"').nth(1).unwrap());
    let system = directory.join("openssl.cnf");
    let included = made.contains(&format!(".include = {}\n", system.display()));
    assert_eq!(included, system.exists(), "{made}");
    let made = scene.write("made.cnf", made);
    let active = active_providers(&scene, &made);
    assert!(active.contains(&"certpick".to_owned()), "{active:?}");
    assert!(active.contains(&"default".to_owned()), "{active:?}");
}

#[test]
fn a_missing_or_disabled_file_is_not_included() {
    let scene = Scene::new();
    for active_file in ["", "/no/such/openssl.cnf"] {
        let made = print_for(&scene, active_file);
        assert!(!made.contains(".include"), "{made}");
        let made = scene.write("made.cnf", made);
        assert_eq!(active_providers(&scene, &made), ["certpick", "default"]);
    }
    let made = scene.write("made.cnf", print_for(&scene, "/dev/null"));
    assert_eq!(active_providers(&scene, &made), ["certpick", "default"]);
}

#[test]
fn relative_and_special_names_of_the_active_file_work_from_any_directory() {
    let text =
        "openssl_conf = init\n[init]\nproviders = list\n[list]\nbase = b\n[b]\nactivate = 1\n";
    let names: [&[u8]; 6] =
        [b"plain.cnf", b"a b.cnf ", b" $x#y;z.cnf", b"q\"'`.cnf", b"back\\slash\\", b"\xff\n.cnf"];
    for name in names {
        let scene = Scene::new();
        let name = OsStr::from_bytes(name);
        scene.write(name, text);
        let made = scene.certpick_run_any().arg("--print").env("OPENSSL_CONF", name).output();
        let made = scene.write("made.cnf", made.unwrap().stdout);
        let elsewhere = Scene::new();
        assert_eq!(active_providers(&elsewhere, &made), ["base", "certpick"], "{name:?}");
    }
}

#[test]
fn includes_of_the_active_file_are_followed() {
    let scene = Scene::new();
    std::fs::create_dir(scene.path("conf.d")).unwrap();
    scene.write("conf.d/one.cnf", "[list]\nbase = b\n");
    scene.write("conf.d/two.conf", "[b]\nactivate = 1\n");
    scene.write("init.cnf", "[init]\nproviders = list\n");
    let text = format!(
        "openssl_conf = init\n.include conf.d\n.include = {}\n.include /no/such/file\n",
        scene.path("init.cnf").display()
    );
    let made = print_for(&scene, scene.write("active.cnf", text));
    let made = scene.write("made.cnf", made);
    assert_eq!(active_providers(&scene, &made), ["base", "certpick"]);
}

#[test]
fn a_file_that_openssl_cannot_read_is_an_error_before_the_program_starts() {
    let scene = Scene::new();
    std::fs::create_dir(scene.path("directory")).unwrap();
    scene.fifo("fifo");
    scene.write("broken", "[section\nname = value\n");
    scene.write("variable", "name = ${none}\n");
    scene.write("mark", "\u{feff}openssl_conf = init\n[init]\n");
    for (name, words) in [
        ("broken", "missing close square bracket"),
        ("broken", "line 1"),
        ("variable", "variable has no value"),
        ("directory", "it is a directory"),
        ("fifo", "it is not a regular file"),
        ("mark", "byte order mark"),
    ] {
        let mut command = scene.certpick_run_any();
        command.args(["--", "touch", "started"]).env("OPENSSL_CONF", scene.path(name));
        let message = failure(&mut command, 125);
        assert!(message.contains(words), "{name}: {message}");
        assert!(message.contains(name), "{name}: {message}");
        assert!(!scene.path("started").exists());
    }
    assert!(scene.stored().is_empty());
}

#[test]
fn a_section_named_like_a_value_of_certpick_is_an_error() {
    let scene = Scene::new();
    let active_file = scene.write("active.cnf", "[libpq]\nx = 1\n");
    let mut command = scene.certpick_run_any();
    command.args(["--only", "libpq", "--print"]).env("OPENSSL_CONF", &active_file);
    let message = failure(&mut command, 125);
    assert!(message.contains("\"libpq\"") && message.contains("active.cnf"), "{message}");
    // The default value is not written, so there is no conflict.
    print_for(&scene, active_file);
}

#[test]
fn only_settings_that_differ_from_the_default_are_written() {
    let scene = Scene::new();
    let settings = |options: &[&str]| {
        let mut command = scene.certpick_run_any();
        command.args(options).arg("--print").env("OPENSSL_CONF", "");
        let made = printed(&mut command);
        let ours = made.split("[certpick_settings]\n").nth(1).unwrap().to_owned();
        ours.replace(&format!("{}/", scene.root().display()), "HERE/")
    };
    let module = format!("module = {}\n", module().display());
    let plain = format!("{module}sslcert = HERE/any.pem\nactivate = 1\n");
    assert_eq!(settings(&[]), plain);
    assert_eq!(
        settings(&["--empty-ca-list", "none", "--flawed", "demote", "--only", "all"]),
        plain
    );
    scene.write("pw", "\n");
    let all = settings(&[
        "--sslkey=any.pem",
        "--sslpassword-file=pw",
        "--issuers=any.pem",
        "--empty-ca-list=sole",
        "--flawed=exclude",
        "--only=libpq",
        "--explain=file",
        "--explain-when=failure",
    ]);
    let expected = "sslcert = HERE/any.pem\nsslkey = HERE/any.pem\nsslpasswordfile = HERE/pw\n\
                    issuers = HERE/any.pem\nempty_ca_list = sole\nflawed = exclude\nonly = libpq\n\
                    explain = failure\nexplain_file = HERE/file\nactivate = 1\n";
    assert_eq!(all, format!("{module}{expected}"));
}
