use tokio::io::AsyncReadExt;

use super::*;

#[tokio::test]
async fn localhost_answers_on_both_loopback_addresses() {
    let listener = Listener::bind("localhost:0").await.unwrap();
    let port = listener.local_addr().port();
    for host in ["127.0.0.1", "[::1]"] {
        let addr: SocketAddr = format!("{host}:{port}").parse().unwrap();
        if bind_one(SocketAddr::new(addr.ip(), 0)).is_err() {
            continue;
        }
        let client = TcpStream::connect(addr).await.unwrap();
        let (_, peer, _slot) = listener.accept().await;
        assert_eq!(peer, client.local_addr().unwrap());
    }
}

#[tokio::test]
async fn a_taken_port_is_named_with_a_remedy() {
    let first = Listener::bind("127.0.0.1:0").await.unwrap();
    let endpoint = first.local_addr().to_string();
    let error = Listener::bind(&endpoint).await.unwrap_err();
    assert!(error.to_string().contains(&endpoint), "{error}");
    assert!(error.remedy().contains("another process holds this port"));
}

#[tokio::test]
async fn an_endpoint_without_a_port_says_how_to_write_one() {
    for endpoint in ["localhost", "localhost:x", "127.0.0.1:70000"] {
        assert!(Listener::bind(endpoint).await.unwrap_err().remedy().contains("host:port"));
    }
}

#[tokio::test]
async fn connections_beyond_the_limit_are_closed_and_places_come_back() {
    let limits = ConnectionLimits { connections_max: 1, connections_per_ip_max: 1 };
    let listener = Listener::bind(":0").await.unwrap().with_limits(limits);
    let addr = SocketAddr::from(([127, 0, 0, 1], listener.local_addr().port()));
    let stats = listener.stats();
    let _first = TcpStream::connect(addr).await.unwrap();
    let (_stream, _, slot) = listener.accept().await;
    let mut second = TcpStream::connect(addr).await.unwrap();
    tokio::select! {
        _ = listener.accept() => panic!("accepted beyond the limit"),
        read = second.read_u8() => assert!(read.is_err()),
    }
    assert_eq!(stats.refused.load(Relaxed), 1);
    drop(slot);
    let _third = TcpStream::connect(addr).await.unwrap();
    let _ = listener.accept().await;
}

#[test]
fn one_address_may_not_take_all_places() {
    let open = Arc::new(Open::default());
    let limits = ConnectionLimits { connections_max: 10, connections_per_ip_max: 2 };
    let (stranger, other): (IpAddr, IpAddr) = ([192, 0, 2, 1].into(), [192, 0, 2, 2].into());
    let held: Vec<_> = (0..2).map(|_| Open::enter(&open, stranger, limits).unwrap()).collect();
    assert!(Open::enter(&open, stranger, limits).is_none());
    assert!(Open::enter(&open, other, limits).is_some());
    drop(held);
    assert!(open.0.lock().unwrap().by_ip.is_empty());
}

#[test]
fn loopback_is_told_from_the_rest() {
    for (addr, expected) in [
        ("127.0.0.1:1", true),
        ("127.9.9.9:1", true),
        ("[::1]:1", true),
        ("[::ffff:127.0.0.1]:1", true),
        ("0.0.0.0:1", false),
        ("[::]:1", false),
        ("192.0.2.1:1", false),
    ] {
        assert_eq!(is_loopback(&addr.parse().unwrap()), expected, "{addr}");
    }
}

#[test]
fn running_out_of_file_descriptors_is_waited_out() {
    let child = "ulimit -n 64 && exec \"$0\" --ignored --exact listen::tests::child_with_few_descriptors";
    let me = std::env::current_exe().unwrap();
    let output = std::process::Command::new("sh").arg("-c").arg(child).arg(me).output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success() && said.contains("1 passed"), "{said}");
}

#[tokio::test]
#[ignore = "takes all file descriptors of its process; run by the test above in a process of its own"]
async fn child_with_few_descriptors() {
    let listener = Listener::bind("127.0.0.1:0").await.unwrap();
    let (addr, stats) = (listener.local_addr(), listener.stats());
    let mut clients = Vec::new();
    let mut accepted = Vec::new();
    while let Ok(client) = TcpStream::connect(addr).await {
        clients.push(client);
        assert!(clients.len() < 64, "the limit on file descriptors does not hold");
    }
    drop(clients.pop());
    while let Ok(one) = tokio::time::timeout(Duration::from_millis(100), listener.accept()).await {
        accepted.push(one);
    }
    assert!(stats.starved.load(Relaxed) && stats.failed.load(Relaxed) > 0);
    assert!(accepted.len() < clients.len());
    accepted.clear();
    let again = tokio::time::timeout(Duration::from_secs(5), listener.accept()).await;
    assert!(again.is_ok() && !stats.starved.load(Relaxed));
}
