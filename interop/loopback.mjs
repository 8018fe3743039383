// Loaded before a server that would listen on every interface (server-everything does): whatever address it asks for,
// it gets 127.0.0.1. A test must not open a port to the network it runs in.
import net from 'node:net'

const listen = net.Server.prototype.listen
net.Server.prototype.listen = function (...args) {
  const callback = args.find((a) => typeof a === 'function')
  const port = typeof args[0] === 'object' && args[0] !== null ? args[0].port : args[0]
  return listen.call(this, { port: Number(port), host: '127.0.0.1' }, callback)
}
