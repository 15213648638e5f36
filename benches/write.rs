//! Writes a generated history to a folder, for programs that read folders:
//! `cargo bench --bench write -- FOLDER COUNT`.

mod common;

use std::fs;
use std::path::PathBuf;

fn main() {
    let mut arguments = std::env::args().skip(1).filter(|argument| argument != "--bench");
    let (Some(folder), Some(count)) = (arguments.next(), arguments.next().and_then(|text| text.parse().ok())) else {
        return;
    };
    let folder = PathBuf::from(folder);
    fs::create_dir_all(&folder).expect("the folder can be made");
    for number in 0..count {
        fs::write(folder.join(common::path(number)), common::file(number)).expect("the file can be written");
    }
}
