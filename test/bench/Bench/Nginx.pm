# nginx as the fast service: it reads a request and says yes.
#
#   my $nginx = Bench::Nginx->start($program, $work);
#   ... $nginx->login_url, $nginx->connector_url

package Bench::Nginx;

use strict;
use warnings;

use IO::Socket::INET;
use Time::HiRes qw(sleep);

sub _free_port
{
	my $socket = IO::Socket::INET->new(LocalAddr => '127.0.0.1', Listen => 1)
	  or die "no port is free: $!";
	return $socket->sockport;
}

sub _configuration
{
	my ($work, $module, $port) = @_;

	# As long as a real one; a name for each character would say no more.
	my $token = 'eyJ0eXAiOiJKV1Qi.' . 'a' x 1183;

	return <<"END";
load_module $module;
daemon off;
worker_processes 1;
pid $work/nginx.pid;
error_log $work/nginx.log warn;
worker_rlimit_nofile 4096;
events { worker_connections 1000; }
http {
	access_log off;
	client_body_temp_path $work/nginx-body;
	proxy_temp_path $work/nginx-proxy;
	fastcgi_temp_path $work/nginx-fastcgi;
	uwsgi_temp_path $work/nginx-uwsgi;
	scgi_temp_path $work/nginx-scgi;
	client_body_buffer_size 128k;
	keepalive_timeout 3600s;
	keepalive_requests 1000000000;
	keepalive_time 24h;
	default_type application/json;
	server {
		listen 127.0.0.1:$port ssl backlog=1024;
		ssl_certificate $work/service.pem;
		ssl_certificate_key $work/service.key;
		location /login/ {
			echo_read_request_body;
			echo '{"token_type":"Bearer","expires_in":86399,"access_token":"$token"}';
		}
		location /connector/ {
			echo_read_request_body;
			echo_status 201;
			echo '{"id":"\$connection-\$connection_requests"}';
		}
		location = /requests { stub_status; }
	}
}
END
}

sub start
{
	my ($class, $program, $work) = @_;
	my $port = _free_port();
	(my $module = $program) =~ s{[^/]*$}{ngx_http_echo_module.so};

	open my $file, '>', "$work/nginx.conf" or die $!;
	print $file _configuration($work, $module, $port);
	close $file;
	my $pid = fork() // die $!;
	exec { $program } $program, '-p', $work, '-e', "$work/nginx.log",
	  '-c', "$work/nginx.conf"
	  or POSIX::_exit(127)
	  if $pid == 0;
	my $self = bless { pid => $pid, port => $port, owner => $$ }, $class;
	for (1 .. 200)
	{
		return $self if IO::Socket::INET->new("127.0.0.1:$port");
		sleep 0.02;
	}
	die "nginx does not answer; see $work/nginx.log";
}

sub stop
{
	my ($self) = @_;

	return unless $self->{pid} && $self->{owner} == $$;
	kill 'TERM', $self->{pid};
	waitpid delete $self->{pid}, 0;
	return;
}

sub DESTROY { my ($self) = @_; local ($@, $!, $?); $self->stop; return; }

sub login_url { return "https://127.0.0.1:$_[0]{port}/login"; }
sub graph_url { return "https://127.0.0.1:$_[0]{port}/graph/v1.0"; }
sub connector_url { return "https://127.0.0.1:$_[0]{port}/connector/teams"; }

1;
