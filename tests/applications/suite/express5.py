"""Express 5 over HTTP/1.1 with TLS: `createSecureServer` with `allowHTTP1`."""

from express import express

APPLICATION = express("express5", "5.3.0", http2=False)
