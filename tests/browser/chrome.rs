//! Chromium, driven.

use std::{
    process::{Child, Command, Stdio},
    time::Duration,
};

use fantoccini::{Client, ClientBuilder, Locator, key::Key};
use hyper_util::client::legacy::connect::HttpConnector;
use serde_json::{Value, json};
use tests::{country::PASSWORD, port::Port};

/// How long a page may take to become what is waited for.
const PATIENCE: Duration = Duration::from_secs(20);

/// One browser with one window.
pub(crate) struct Chrome {
    pub(crate) client: Client,
    _driver: Driver,
    _port: Port,
}

struct Driver(Child);

impl Drop for Driver {
    fn drop(&mut self) {
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

impl Chrome {
    pub(crate) async fn open() -> Self {
        let port = Port::take();
        let driver = Command::new("chromedriver")
            .arg(format!("--port={}", port.address.port()))
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("chromedriver is needed (Debian: chromium-driver)");
        let driver = Driver(driver);
        let arguments = [
            "--headless=new",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-quic",
            "--disable-dev-shm-usage",
            "--disable-background-networking",
            "--disable-component-update",
            "--disable-sync",
            "--no-first-run",
            "--window-size=1440,900",
            // The network's own root; a service worker wants more than an accepted exception.
            "--ignore-certificate-errors",
        ];
        let capabilities = json!({
            "browserName": "chrome",
            "acceptInsecureCerts": true,
            "goog:chromeOptions": { "args": arguments },
        });
        let capabilities = capabilities.as_object().unwrap().clone();
        let url = format!("http://{}", port.address);
        for _ in 0..100 {
            let mut builder = ClientBuilder::new(HttpConnector::new());
            if let Ok(client) = builder.capabilities(capabilities.clone()).connect(&url).await {
                return Self { client, _driver: driver, _port: port };
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        panic!("Chromium does not open: is it installed (Debian: chromium)?");
    }

    pub(crate) async fn goto(&self, url: &str) {
        self.client.goto(url).await.unwrap_or_else(|error| panic!("{url}: {error}"));
    }

    pub(crate) async fn log_in(&self, desk: &str, name: &str) {
        self.log_in_with(desk, name, PASSWORD).await;
    }

    pub(crate) async fn log_in_with(&self, desk: &str, name: &str, password: &str) {
        self.client.delete_all_cookies().await.unwrap();
        self.goto(&format!("{desk}/login")).await;
        self.fill("name", name).await;
        self.fill("password", password).await;
        self.click("button[type=submit]").await;
        self.until("document.querySelector('header .person') !== null").await;
    }

    /// Types into a field, after what is there has gone.
    pub(crate) async fn fill(&self, name: &str, text: &str) {
        let field = self
            .client
            .find(Locator::Css(&format!("[name={name}]:not([type=radio]):not([type=checkbox])")))
            .await
            .unwrap();
        field.clear().await.unwrap();
        field.send_keys(text).await.unwrap();
    }

    pub(crate) async fn choose(&self, name: &str, value: &str) {
        let field = self.client.find(Locator::Css(&format!("select[name={name}]"))).await.unwrap();
        field.select_by_value(value).await.unwrap();
    }

    pub(crate) async fn click(&self, what: &str) {
        let element = self.client.find(Locator::Css(what)).await.unwrap_or_else(|error| panic!("{what}: {error}"));
        element.click().await.unwrap_or_else(|error| panic!("{what}: {error}"));
    }

    /// Keys, to whatever has the focus.
    pub(crate) async fn press(&self, keys: &str) {
        self.client.active_element().await.unwrap().send_keys(keys).await.unwrap();
    }

    pub(crate) async fn press_key(&self, key: Key) {
        self.press(&char::from(key).to_string()).await;
    }

    /// Tab by Tab, as far as a field.
    pub(crate) async fn tab_to(&self, name: &str) {
        for _ in 0..80 {
            if self.eval("return document.activeElement.name || ''").await == json!(name) {
                return;
            }
            self.press_key(Key::Tab).await;
        }
        panic!("no field {name} can be come to with the keyboard");
    }

    pub(crate) async fn text(&self, what: &str) -> String {
        let element = self.client.find(Locator::Css(what)).await.unwrap_or_else(|error| panic!("{what}: {error}"));
        element.text().await.unwrap()
    }

    pub(crate) async fn count(&self, what: &str) -> usize {
        self.client.find_all(Locator::Css(what)).await.unwrap().len()
    }

    pub(crate) async fn eval(&self, script: &str) -> Value {
        self.execute(script, Vec::new()).await
    }

    pub(crate) async fn execute(&self, script: &str, arguments: Vec<Value>) -> Value {
        self.client.execute(script, arguments).await.unwrap_or_else(|error| panic!("{script}: {error}"))
    }

    /// Waits until something is so.
    pub(crate) async fn until(&self, so: &str) {
        self.until_within(so, PATIENCE).await;
    }

    pub(crate) async fn until_within(&self, so: &str, patience: Duration) {
        let script = format!("return Boolean({so})");
        let waiting = async {
            // While a page changes to another, nobody answers.
            while self.client.execute(&script, Vec::new()).await.ok() != Some(json!(true)) {
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        };
        if tokio::time::timeout(patience, waiting).await.is_err() {
            let page = self.client.source().await.unwrap_or_default();
            panic!("not within {patience:?}: {so}; the page is {page}");
        }
    }

    /// The same for something that has to be asked for.
    pub(crate) async fn until_async(&self, so: &str) {
        let script = format!("const done = arguments[0]; (async () => {{ {so} }})().then(done, () => done(false))");
        let waiting = async {
            while self.client.execute_async(&script, Vec::new()).await.ok() != Some(json!(true)) {
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        };
        tokio::time::timeout(PATIENCE, waiting).await.unwrap_or_else(|_| panic!("not in time: {so}"));
    }

    /// What axe finds wrong with a page.
    pub(crate) async fn axe(&self, axe: &str, page: &str) -> Vec<String> {
        self.client.execute(axe, Vec::new()).await.unwrap();
        let run = "const done = arguments[0]; axe.run().then((found) => done(found.violations.map((one) => one.id + ': ' + \
                   one.nodes.map((node) => node.target.join(' ')).join(', '))), (why) => done([String(why)]))";
        let found = self.client.execute_async(run, Vec::new()).await.unwrap();
        let found: Vec<String> = serde_json::from_value(found).unwrap();
        found.into_iter().map(|one| format!("{page}: {one}")).collect()
    }

    /// Milliseconds until something was to be seen.
    pub(crate) async fn first_paint(&self) -> f64 {
        let script = "const paint = performance.getEntriesByName('first-contentful-paint')[0]; return paint ? paint.startTime : -1";
        for _ in 0..40 {
            let at = self.eval(script).await.as_f64().unwrap();
            if at >= 0.0 {
                return at;
            }
            tokio::time::sleep(Duration::from_millis(25)).await;
        }
        f64::MAX
    }

    /// Bytes of the page and all it loads, whether they came over the network this time or not.
    pub(crate) async fn weight(&self) -> f64 {
        let script = "return performance.getEntriesByType('navigation').concat(performance.getEntriesByType('resource'))\
                      .filter((one) => !one.name.includes('/events')).reduce((sum, one) => sum + one.decodedBodySize, 0)";
        self.eval(script).await.as_f64().unwrap()
    }

    /// Keeps the page as a picture, where pictures are wanted.
    #[expect(clippy::disallowed_methods, reason = "a test is told by the environment what it cannot be told otherwise")]
    pub(crate) async fn shot(&self, name: &str) {
        let Ok(folder) = std::env::var("SHOTS") else { return };
        std::fs::create_dir_all(&folder).unwrap();
        std::fs::write(format!("{folder}/{name}.png"), self.client.screenshot().await.unwrap()).unwrap();
    }
}
