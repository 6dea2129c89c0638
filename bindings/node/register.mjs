// node --import goaway/register app.js, as `-r goaway/register`.

import './register.js'
