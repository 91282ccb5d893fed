//! How a server starts, why it does not, and how it ends.

use std::net::TcpListener;

use crate::server::{Server, output, text};

#[test]
fn a_port_in_use_is_named_with_the_receiver_and_a_remedy() {
    let data = tempfile::tempdir().unwrap();
    let held = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = held.local_addr().unwrap().to_string();
    let mut server =
        Server::spawn(data.path(), &[&format!("receivers.otlp.protocols.grpc.endpoint={address}")]);
    assert_eq!(server.ended().code(), Some(1));
    let said = server.said();
    assert!(said.contains(&address) && said.contains("another process holds this port"), "{said}");
    assert!(said.contains("otlp"), "{said}");
}

#[test]
fn the_second_server_on_a_directory_hears_who_holds_it() {
    let data = tempfile::tempdir().unwrap();
    let first = Server::start(data.path(), &[]);
    let mut second = Server::spawn(data.path(), &[]);
    assert_eq!(second.ended().code(), Some(1));
    let said = second.said();
    assert!(said.contains("is in use by process") && said.contains("store.path"), "{said}");
    drop(first);
    Server::start(data.path(), &[]);
}

#[test]
fn the_start_says_where_to_send_where_to_look_and_what_it_takes_up() {
    let data = tempfile::tempdir().unwrap();
    let server = Server::start(data.path(), &[]);
    let said = server.said();
    for words in ["send to", "OTLP/gRPC", "OTLP/HTTP", "look at", "kept in", "for 7 days", "packing"] {
        assert!(said.contains(words), "\"{words}\" is not in\n{said}");
    }
    let memory = said.lines().find(|line| line.trim_start().starts_with("memory")).unwrap();
    let (parts, sum) = memory.split_once('=').unwrap();
    let mebibytes = |text: &str| -> u64 { text.split(' ').filter_map(|word| word.parse::<u64>().ok()).sum() };
    assert_eq!(mebibytes(parts), mebibytes(sum), "{memory}");
    assert!(mebibytes(sum) > 0, "{memory}");
}

#[test]
fn a_listener_that_is_open_to_the_network_is_pointed_out() {
    let data = tempfile::tempdir().unwrap();
    let server = Server::start(data.path(), &["receivers.otlp.protocols.http.endpoint=0.0.0.0:0"]);
    assert!(server.said().contains("open to the network"), "{}", server.said());
}

#[tokio::test]
async fn a_termination_drains_and_a_second_one_is_not_needed() {
    let data = tempfile::tempdir().unwrap();
    let mut server = Server::start(data.path(), &[]);
    server.signal("TERM");
    assert!(server.ended().success());
    let said = server.said();
    assert!(said.contains("stopping") && said.contains("stopped"), "{said}");
    let checked = output(&["store", "check", "--data", data.path().to_str().unwrap()]);
    assert!(text(&checked.stdout).contains("everything is sound"), "{checked:?}");
}
