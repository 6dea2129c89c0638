"""Express 4 over HTTP/1.1 with TLS: `createSecureServer` with `allowHTTP1`."""

from express import express

APPLICATION = express("express4", "4.22.3", http2=False)
