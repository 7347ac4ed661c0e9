// What every client begins with: this machine's own network is empty but for a way to the service, which answers as plex.tv.
import net from "node:net";

const server = net.createServer((inside) => {
  const outside = net.connect(process.env.CLIENT_SOCKET);
  for (const [one, other] of [[inside, outside], [outside, inside]]) {
    one.pipe(other);
    one.on("error", () => other.destroy());
  }
});
await new Promise((resolve) => server.listen(443, "127.0.0.1", resolve));
server.unref();

// fact is what the test told: a name, a password.
export const fact = (name) => process.env["CLIENT_" + name];

// ask tells the test something it must do, and waits until it is done.
export const ask = (what) =>
  new Promise((resolve, reject) => {
    process.stdin.once("data", (answer) => resolve(answer.toString().trim()));
    process.stdin.once("end", () => reject(new Error("the test is gone")));
    process.stdout.write(what + "\n");
  });

export const done = () => process.exit(0);
