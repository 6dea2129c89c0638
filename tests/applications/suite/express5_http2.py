"""Express 5 over HTTP/2, with the two lines that it needs for that in Node.js as well."""

from express import express

APPLICATION = express("express5_http2", "5.3.0", http2=True)
