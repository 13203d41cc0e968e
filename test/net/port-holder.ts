// Holds UDP port 5353 for itself, as some mDNS programs do: `port-holder.ts`. Says so in one JSON line; ends when stdin ends.
import dgram from 'node:dgram'

const sockets = (['udp4', 'udp6'] as const).map((type) =>
  dgram.createSocket(type === 'udp6' ? { type, ipv6Only: true } : { type })
)
await Promise.all(sockets.map((socket) => new Promise<void>((resolve) => socket.bind(5353, () => resolve()))))
process.stdout.write(`${JSON.stringify({ event: 'holding' })}\n`)
process.stdin.once('end', () => {
  for (const socket of sockets) socket.close()
})
process.stdin.resume()
