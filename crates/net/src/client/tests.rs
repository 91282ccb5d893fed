use http_body_util::BodyExt;

use super::*;
use crate::{HttpLimits, Listener, Server, handler};

async fn running() -> std::net::SocketAddr {
    let listener = Listener::bind("127.0.0.1:0").await.unwrap();
    let addr = listener.local_addr();
    let server = Server { listener, tls: None, limits: HttpLimits::default() };
    let echo = handler(|request, peer| async move {
        let said = request.into_body().collect().await.unwrap().to_bytes();
        Response::new(Body::full([said.as_ref(), peer.addr.port().to_string().as_bytes()].concat()))
    });
    tokio::spawn(server.serve(echo, std::future::pending()));
    addr
}

async fn post(client: &HttpClient, uri: &str, body: &'static str) -> Result<String, ClientError> {
    let answer = client.send(Request::post(uri).body(Body::full(body)).unwrap()).await?;
    let body = answer.into_body().collect().await.unwrap().to_bytes();
    Ok(String::from_utf8(body.to_vec()).unwrap())
}

#[tokio::test]
async fn a_connection_is_used_again() {
    let addr = running().await;
    let client = HttpClient::new(ClientTls::default(), &ClientLimits::default()).unwrap();
    let uri = format!("http://{addr}/v1/traces");
    let first = post(&client, &uri, "port ").await.unwrap();
    assert!(first.starts_with("port "), "{first}");
    assert_eq!(post(&client, &uri, "port ").await.unwrap(), first);
}

#[tokio::test]
async fn an_error_says_where_it_wanted_to_go() {
    let client = HttpClient::new(ClientTls::default(), &ClientLimits::default()).unwrap();
    let free = Listener::bind("127.0.0.1:0").await.unwrap().local_addr();
    let cause = post(&client, &format!("http://{free}/"), "").await.unwrap_err().to_string();
    assert!(cause.contains(&format!("cannot connect to {free}")), "{cause}");
}
