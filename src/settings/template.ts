/** A settings file with every key, each commented out at its default. */
export const SETTINGS = `; Settings of routes. Save as host_settings.ini; a commented line shows the
; default. Each can be overridden: ROUTES_KAFKA_TOPIC=… in the environment,
; -X kafka.topic=… on the command line.
; Values are plain text: no quotes are needed, % and # have no special meaning,
; so a comment needs a line of its own.

[kafka]
;bootstrap_servers = 127.0.0.1:9092
; PLAINTEXT, SSL, SASL_SSL or SASL_PLAINTEXT; SSL when a file is named below
;security_protocol = PLAINTEXT
;ssl_cafile = ssl/ca.pem
;ssl_certfile = ssl/service.cert
;ssl_keyfile = ssl/service.key
; or as PEM text, in one line with \\n between its lines
;ssl_ca_pem =
;ssl_cert_pem =
;ssl_key_pem =
;ssl_password =
;ssl_check_hostname = true
; PLAIN, SCRAM-SHA-256 or SCRAM-SHA-512
;sasl_mechanism = PLAIN
;sasl_plain_username =
;sasl_plain_password =
;topic = routes
; processes of one group share the partitions; the default is made from topic,
; database and schema
;group_id = routes-TOPIC-HASH
;client_id = routes
; different for each process, such as its host: one that starts again within
; session_timeout reads its partitions on, and the others never pause; if one
; does not start again, its partitions are not read until that time is over
;group_instance_id =
; where this machine is, as broker.rack: it then reads from the replica there
;client_rack =
; a process that is silent for this long loses its partitions; with a
; group_instance_id, set it longer than a restart takes
;session_timeout = 10s

[postgresql]
; a postgres:// address; the keys below override it
;service_uri =
; several, such as a primary and its standbys: host = db1,db2 port = 5432,5433
;host = 127.0.0.1
;port = 5432
;user = postgres
;password =
;dbname = routes
;schema = public
; disable, require, verify-ca or verify-full; default: disable for this
; machine, verify-full elsewhere
;sslmode = verify-full
; the logins that a server may ask for: none, password, md5, scram-sha-256
;require_auth =
; of several hosts, the one to use: any, read-write, read-only, primary,
; standby or prefer-standby; default: read-write to write, any to read
;target_session_attrs =
; random: do not begin with the first host
;load_balance_hosts = disable
;channel_binding = prefer
;sslrootcert = ssl/ca.pem
;sslcert =
;sslkey =
;ssl_ca_pem =
;ssl_cert_pem =
;ssl_key_pem =
;sslpassword =
; where --create-database connects to: defaultdb if it exists, else postgres
;maintenance_db =
;application_name = routes
;connect_timeout = 10s
;statement_timeout = 60s
;pool_max = 4

[http]
; what a browser needs to see the pages of --http: at least 16 characters
;token =
`;
