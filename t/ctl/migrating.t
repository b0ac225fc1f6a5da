#!/usr/bin/perl
# SPDX-License-Identifier: Apache-2.0
# Copyright the mod_betterauth authors

# The guides of docs/migrating.md, run as they stand there: users come over, sign in with their old passwords, and have a
# hash of our own afterwards.
use strict;
use warnings;
use BATest;
use BATest::Ctl;
use BATest::Guide;
use BATest::Httpd;
use BATest::MariaDB;
use File::Path qw(make_path);
use List::Util qw(min);
use Time::HiRes qw(time);

expect_private_log(qw(BA0104 BA0120 BA0201 BA0714));    # tables that are not complete yet

plan skip_all => 'needs httpd' if $ENV{BA_SITES};

my $db = private_mariadb('migrating');
my $state = BATest::state();

# Of the password below, by htpasswd, crypt(3), Python's hashlib and our own tests.
my $OLD = 'tr0ub4dor & 3';
my %HASH = (
    sha      => '{SHA}v2wzLWBJUCKoi7ktfXB8DcnjRA4=',
    apr1     => '$apr1$saltsalt$2vrh5nsigGMBXv8JVFDVZ.',
    md5      => '$1$saltsalt$pdA50GdNtfX33mNfrx0p31',
    bcrypt   => '$2y$05$abcdefghijklmnopqrstuuL3yx5rOownI9yt3li7SEUHi8SbcmBIK',
    sha256   => '$5$saltstring$ALEBZV80eng9EJdBc9n6tG5ozqIw4sbeJfoB03b.pEA',
    sha512   => '$6$saltstring$NacSo1acfa8mlchl1YLOxO2rVp5/hgytFnGwiZTIRCJdeXVOKY.5vnqcT1JcggayykLZ0PA2QnZQ5w7R77sFc0',
    yescrypt => '$y$j9T$F5Jx5fExrKuPp53xLKQ..1$8fc9gy3kJUR2PMEmTFJjQ28nGB/aFmFTIP/CVO0w8g1',
    django   => 'pbkdf2_sha256$600$saltySALT$@DJANGO@',
);

sub command { return shell_words(BATest::Ctl::binary(), @_) }
sub sign_in { my ($site, $email, $password) = @_; return post($site, '/sign-in/email', { email => $email, password => $password }) }
sub rows { my ($site, $sql) = @_; return $site =~ /mysql/ ? $db->sql($sql, 'moved') : sql($site, $sql) }
sub hash_of { my ($site, $email) = @_; return (rows($site, "SELECT a.password FROM account a JOIN user u ON u.id = a.userId WHERE u.email = '$email'"))[0][0] }

sub comes_over {
    my ($site, $name, $old) = @_;
    my $email = $name =~ /@/ ? $name : "$name\@example.com";
    like(hash_of($site, $email), qr/^\Q$old\E$/, "$name: has the old hash");
    is(sign_in($site, $email, 'wrong password')->{status}, 401, "$name: a wrong password");
    is(sign_in($site, $email, $OLD)->{status}, 200, "$name: signs in with the old password");
    like(hash_of($site, $email), qr/^\$argon2id\$/, "$name: has a new hash");
    is(sign_in($site, $email, $OLD)->{status}, 200, "$name: which works too");
}

my $python = qx(python3 -c 'import base64,hashlib;print(base64.b64encode(hashlib.pbkdf2_hmac("sha256",b"tr0ub4dor & 3",b"saltySALT",600)).decode())' 2>/dev/null);
chomp $python;
$HASH{django} =~ s/\@DJANGO\@/$python/ or die;
delete $HASH{django} unless $python;

$db->create('moved', schema('mysql'));
for my $dialect (qw(mysql sqlite)) {
    subtest $dialect => sub {
        my $site = "moved-$dialect";
        my $httpd = private_httpd(name => $site, extra => "    BetterAuthAdmin on\n", $dialect eq 'mysql' ? (mariadb => $db, database => 'moved') : ());
        my @of = BATest::Ctl::of_httpd($httpd);
        my $dir = "$state->{workdir}/migrating-$dialect";
        make_path($dir);

        write_file("$dir/users.htpasswd", join '', "# people\n\n", map { "$_:$HASH{$_}\n" } sort grep { $_ ne 'django' } keys %HASH);
        guide('migrating.md', 'htpasswd', $dir, programs => { betterauthctl => command(@of) });
        comes_over($site, $_, $HASH{$_}) for sort grep { $_ ne 'django' } keys %HASH;
        is((rows($site, "SELECT name FROM user WHERE email = 'apr1\@example.com'"))[0][0], 'apr1', 'the old name is kept');
        my $again = BATest::Ctl::run(undef, @of, qw(--json import htpasswd --domain example.com), "$dir/users.htpasswd");
        is_deeply($again->{json}, { added => 0, there => scalar(grep { $_ ne 'django' } keys %HASH), refused => 0, withoutPassword => 0 }, 'once more changes nothing');
        like(hash_of($site, 'apr1@example.com'), qr/^\$argon2id\$/, 'nor a password');

        write_file("$dir/odd.htpasswd", "no colon\nold:abJnggxhB/yWI\nplain:password\nhuge:\$2y\$31\$abcdefghijklmnopqrstuuL3yx5rOownI9yt3li7SEUHi8SbcmBIK\nbad name:$HASH{sha}\nfine\@example.com:$HASH{sha}:comment\n");
        my $odd = BATest::Ctl::run(undef, @of, qw(--json import htpasswd --domain example.com), "$dir/odd.htpasswd");
        is($odd->{status}, 1, 'what cannot be taken is an exit status');
        is_deeply($odd->{json}, { added => 4, there => 0, refused => 2, withoutPassword => 3 }, 'and counted') or diag $odd->{err};
        like($odd->{err}, qr/line 1: not NAME:HASH.*line 2: nobody can sign in.*line 5: no e-mail/s, 'and named by its line');
        is(sign_in($site, 'plain@example.com', 'password')->{status}, 401, 'text is no hash');
        is(sign_in($site, 'fine@example.com', $OLD)->{status}, 200, 'what follows a hash is none of it');
        is(BATest::Ctl::run(undef, @of, qw(import htpasswd), "$dir/users.htpasswd")->{status}, 1, 'names need a domain');

        # an imported account is not told by the time a wrong password takes
        write_file("$dir/quick.htpasswd", "quick:$HASH{sha}\n");
        is(BATest::Ctl::run(undef, @of, qw(import htpasswd --domain example.com), "$dir/quick.htpasswd")->{status}, 0, 'a quick hash');
        my %took;
        for my $email (map { ('quick@example.com', 'nobody@example.com') } 1 .. 6) { my $start = time; sign_in($site, $email, 'wrong password'); push @{ $took{$email} }, time - $start }
        my ($known, $unknown) = map { min @{ $took{$_} } } 'quick@example.com', 'nobody@example.com';
        cmp_ok($known, '>', $unknown / 2, sprintf 'takes as long as an unknown address (%.0f and %.0f ms)', 1000 * $known, 1000 * $unknown);

        write_file("$dir/users.csv", qq{\xef\xbb\xbfemail;"name";password_hash;email_verified;role;created_at;shoe_size\n}
            . qq{"Quoted;Semi\@example.com";Q;$HASH{sha};true;user;;44\n} . qq{d\@example.com;"Zo\xc3\xab ""Z""\nLong";} . ($HASH{django} // $HASH{sha})
            . qq{;yes;editor;2020-02-03T04:05:06.000Z;\n\n} . qq{e\@example.com;;;0;;;\n});
        write_file("$dir/wrong.csv", "email,banExpires,name\nf\@example.com,whenever,F\ng\@example.com,,G\nh\@example.com,,H,more,than,names\n");
        is_deeply(BATest::Ctl::run(undef, @of, '--json', qw(import csv), "$dir/wrong.csv")->{json}, { added => 2, there => 0, refused => 1, withoutPassword => 2 }, 'a value of another type keeps only its own line out');
        is(BATest::Ctl::run(undef, @of, '--json', qw(import csv), "$dir/users.htpasswd")->{status}, 1, 'no line of names');
        write_file("$dir/open.csv", "email,note,name\nj\@example.com,fine,J\nk\@example.com,\"oops,K\nl\@example.com,,L\n");
        my $open = BATest::Ctl::run(undef, @of, '--json', qw(import csv), "$dir/open.csv");
        is_deeply([$open->{status}, @{ $open->{json} }{qw(added refused)}], [1, 1, 1], 'a quote that is not closed');
        like($open->{err}, qr/line 3: a quote is not closed: the rest is not read/, 'is named by its line');
        write_file("$dir/gap.csv", "email,,name,\ni\@example.com,x,Ida,y\n");
        is(BATest::Ctl::run(undef, @of, '--json', qw(import csv), "$dir/gap.csv")->{json}{added}, 1, 'a column without a name');
        is((rows($site, q{SELECT name FROM user WHERE email = 'i@example.com'}))[0][0], 'Ida', 'does not shift those behind it');
        my $csv = BATest::Ctl::run(undef, @of, '--json', qw(import csv), "$dir/users.csv");
        is($csv->{json}{added}, 2, 'a CSV file') or diag $csv->{err};
        like($csv->{err}, qr/the column shoe_size is left out.*line 2: no e-mail/s, 'what cannot be used is named');
        comes_over($site, 'd@example.com', $HASH{django} // $HASH{sha});
        my $shown = BATest::Ctl::run(undef, @of, qw(--json user show d@example.com))->{json};
        is_deeply([@$shown{qw(name emailVerified role createdAt)}], ["Zo\x{eb} \"Z\"\nLong", JSON::PP::true(), 'editor', '2020-02-03T04:05:06.000Z'], 'with all its values');

        # round trip
        my $export = BATest::Ctl::run(undef, @of, 'export')->{out};
        write_file("$dir/export.csv", $export);
        my $file = "$dir/copy.db";
        is(BATest::Ctl::run(undef, '--database', "sqlite3:$file", 'init')->{status}, 0, 'a new database');
        is(BATest::Ctl::run(undef, '--database', "sqlite3:$file", qw(import csv), "$dir/export.csv")->{status}, 0, 'takes an export');
        is(BATest::Ctl::run(undef, '--database', "sqlite3:$file", 'export')->{out} =~ s/,[^,]*Z,/,/gr, $export =~ s/,[^,]*Z,/,/gr, 'and gives it again');
        unlike(BATest::Ctl::run(undef, @of, qw(export --no-password))->{out}, qr/argon2id|\{SHA\}/, 'without hashes if asked for');

        $httpd->stop;
    };
}

subtest 'mod_authn_dbd' => sub {
    $db->create('site');
    $db->sql("CREATE TABLE authn (user varchar(64) PRIMARY KEY, password varchar(128)); INSERT INTO authn VALUES ('mia', '$HASH{bcrypt}'), ('noah\@example.org', '$HASH{apr1}')", 'site');
    my $httpd = private_httpd(name => 'moved-dbd');
    my $dir = "$state->{workdir}/migrating-dbd";
    my $said = guide('migrating.md', 'mod_authn_dbd', $dir, programs => { betterauthctl => command(BATest::Ctl::of_httpd($httpd)), mariadb => "/usr/bin/mariadb --no-defaults -uroot -S '" . $db->socket . "'" });
    comes_over('moved-dbd', 'mia', $HASH{bcrypt});
    comes_over('moved-dbd', 'noah@example.org', $HASH{apr1});
    like($said, qr/^removed users\.tsv of mode 600$/m, 'nobody else could read the hashes');
    ok(!-e "$dir/users.tsv", 'and no file of them is left');

    write_file("$dir/users.csv", "email,username,password,is_active,date_joined\nx\@example.com,Xi,$HASH{sha},1,2021-01-02 03:04:05\n");
    guide('migrating.md', 'A table of another program', $dir, programs => { betterauthctl => command(BATest::Ctl::of_httpd($httpd)) });
    comes_over('moved-dbd', 'x@example.com', $HASH{sha});
    is((sql('moved-dbd', "SELECT name FROM user WHERE email = 'x\@example.com'"))[0][0], 'Xi', 'a login beside an address is the name');
    $httpd->stop;
};

subtest 'Better Auth' => sub {
    # made by npm's own migration, with a user that its server has signed up
    my $shared = mariadb();
    my $person = sign_up('npm-node', password => $OLD);
    my $httpd = private_httpd(name => 'moved-npm', extra => "    BetterAuthAdmin on\n");
    my $dir = "$state->{workdir}/migrating-npm";
    make_path($dir);
    write_file("$dir/node-database", 'mysql:' . $shared->dbd_params('ba_node') . "\n");
    guide('migrating.md', 'Better Auth in Node: into another database', $dir, programs => { betterauthctl => command(BATest::Ctl::of_httpd($httpd)) });
    my $row = (sql('moved-npm', "SELECT id, createdAt FROM user WHERE email = '$person->{email}'"))[0];
    is($row->[0], $person->{user}{id}, 'the user has the same id');
    is(sign_in('moved-npm', $person->{email}, $OLD)->{status}, 200, 'signs in with the same password');
    like((sql('moved-npm', "SELECT password FROM account WHERE userId = '$row->[0]'"))[0][0], qr/^\$argon2id\$/, 'and has a new hash');
    $httpd->stop;

};

# What a Node server has made, with somebody who is signed in there.
sub node_database {
    my ($name) = @_;
    $db->create($name);
    my @on = ('127.0.0.1', $db->port, BATest::MariaDB::USER, BATest::MariaDB::PASSWORD);
    system($ENV{BA_NODE}, "$state->{srcdir}/t/node/migrate.mjs", @on, $name) == 0 or die "better-auth's own migration failed\n";
    my %server = (name => $name, port => free_port(), database => $name);
    my %config = (secret => SECRET, baseURL => ORIGIN, servers => [\%server]);
    @config{qw(host port user password)} = @on;
    write_file("$state->{workdir}/$name.json", JSON::PP->new->encode(\%config));
    local $ENV{NODE_ENV} = 'production';
    my $pid = open my $out, '-|', $ENV{BA_NODE}, "$state->{srcdir}/t/node/server.mjs", "$state->{workdir}/$name.json" or die "node: $!\n";
    my $person = eval {
        (<$out> // '') eq "ready\n" or die "the npm server does not start\n";
        $state->{npm}{$name} = { port => $server{port}, dialect => 'mysql', database => $name };
        sign_up("npm-$name", password => $OLD);
    };
    kill TERM => $pid;
    close $out;
    return $person || die $@;
}

subtest 'Better Auth, on its own tables' => sub {
    my $person = node_database('adopted');
    expect_log('BA0120', 'BA0172');
    my $httpd = private_httpd(name => 'moved-adopted', mariadb => $db, database => 'adopted', extra => "    BetterAuthAdmin on\n");
    my @of = BATest::Ctl::of_httpd($httpd);
    my $status = BATest::Ctl::run(undef, @of, qw(--json migrate status));
    is_deeply([map { $_->{state} } @{ $status->{json} }], ['done', 'to do', 'to do'], 'the core is there, the rest is not');
    my $dry = BATest::Ctl::run(undef, @of, qw(migrate up --dry-run));
    like($dry->{out}, qr/CREATE TABLE IF NOT EXISTS `ba_mail`/, 'a dry run shows the statements');
    unlike($dry->{out}, qr/CREATE TABLE IF NOT EXISTS `user`/, 'but not those that are done');

    # "check" asks the API by the name that visitors use
    my $proxy = 'http_proxy=http://127.0.0.1:' . BATest::_site('moved-adopted')->{port};
    guide('migrating.md', 'Better Auth in Node: on its own tables', "$state->{workdir}/migrating-adopted",
        programs => { betterauthctl => "env $proxy " . command(@of) }, status => { 'betterauthctl migrate status' => 1 });
    is(BATest::Ctl::run(undef, @of, qw(migrate status))->{status}, 0, 'then all is there');
    is(BATest::Ctl::run(undef, @of, qw(--json migrate up))->{json}{steps}, 0, 'once more does nothing');

    my $session = request('moved-adopted', GET => '/api/auth/get-session', cookie => $person->{cookie})->{json};
    is($session->{user}{email}, $person->{email}, 'nobody is signed out: a cookie of the Node server is good');
    is(request('moved-adopted', GET => '/members/page.html', cookie => $person->{cookie})->{status}, 200, 'and opens guarded pages');
    is(sign_in('moved-adopted', $person->{email}, $OLD)->{status}, 200, 'the old password signs in');
    like(($db->sql("SELECT password FROM account WHERE userId = '$person->{user}{id}'", 'adopted'))[0][0], qr/^\$argon2id\$/, 'and is renewed');
    is(post('moved-adopted', '/sign-up/email', { email => 'new@example.com', password => PASSWORD, name => 'New' })->{status}, 200, 'and people sign up');
    $httpd->stop;
};

done_testing;
